import { Failure } from "../../errors.ts";
import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { makeEvent } from "../../protocol/sse.ts";
import { wantsUsage } from "../../protocol/stream-options.ts";
import type { EventStream, ProviderCall, WholeReply } from "../provider.ts";

/**
 * A stream made of a whole answer, for servers that ignore `stream: true`: one chunk with everything in it.
 * Only chat and completions have a form for that; for the others this is a failure of the upstream.
 */
export function wholeAsEvents(
  whole: Pick<WholeReply, "value" | "usage">,
  call: ProviderCall,
  upstreamName: string,
): EventStream {
  const { value, usage } = whole;
  if (!Array.isArray(value["choices"])) {
    throw new Failure("upstream_error", `${upstreamName} was asked for a stream and sent none.`);
  }
  const { usage: shownUsage, ...rest } = value;
  const chunk: JsonObject =
    call.endpoint === "chat"
      ? { ...rest, object: "chat.completion.chunk", choices: value["choices"].map(asDelta) }
      : rest;
  const events = [makeEvent(JSON.stringify(chunk))];
  if (wantsUsage(call.request) && shownUsage !== undefined) {
    events.push(makeEvent(JSON.stringify({ ...chunk, choices: [], usage: shownUsage })));
  }
  return {
    next: () => Promise.resolve({ events, usage, isLast: true }),
    cancel: () => undefined,
  };
}

function asDelta(choice: unknown): unknown {
  if (!isJsonObject(choice) || !isJsonObject(choice["message"])) return choice;
  const { message, ...rest } = choice;
  const calls = message["tool_calls"];
  const numbered = Array.isArray(calls)
    ? { tool_calls: calls.map((call: unknown, index) => ({ index, ...(call as JsonObject) })) }
    : {};
  return { ...rest, delta: { ...message, ...numbered } };
}
