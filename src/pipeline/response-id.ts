import { isJsonObject } from "../lib/json-text.ts";
import type { SseEvent } from "../protocol/sse.ts";

/** Events of a Responses stream that hold the response as a whole; `response.created` comes first. */
const holdsResponse =
  /"type"\s*:\s*"response\.(?:created|queued|in_progress|completed|incomplete|failed)"/;

/** The id of the response that a stream tells, from the first event that has it. */
export function responseIdIn(events: readonly SseEvent[]): string | undefined {
  for (const { data } of events) {
    if (data === undefined || !holdsResponse.test(data)) continue;
    const id = readResponseId(parse(data));
    if (id !== undefined) return id;
  }
  return undefined;
}

/** The id in a whole response, or in an event with a `response`. */
function readResponseId(value: unknown): string | undefined {
  const response = isJsonObject(value) ? value["response"] : undefined;
  return isJsonObject(response) ? idOf(response) : undefined;
}

export function idOf(response: Readonly<Record<string, unknown>>): string | undefined {
  const { id } = response;
  return typeof id === "string" && id !== "" ? id : undefined;
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined; // An event that cannot be read says nothing; whether it may go on is the adapter's to say.
  }
}
