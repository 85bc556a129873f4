import { makeEvent } from "../../protocol/sse.ts";
import type { SseEvent } from "../../protocol/sse.ts";
import { shownCost } from "./account.ts";
import type { Account } from "./account.ts";

/** A chunk that has nothing but usage, as OpenAI's last one; what is quoted in a text has its quotes escaped. */
const usageChunk = /"usage"\s*:\s*\{/;

/**
 * The last events of a stream with what it cost beside its usage. Only for chats and completions whose client
 * asked for usage; the event is a chunk of its own then.
 */
export function withCost(events: readonly SseEvent[], account: Account): readonly SseEvent[] {
  const at = events.findLastIndex(({ data }) => data !== undefined && usageChunk.test(data));
  const event = events[at];
  const text = event?.data?.trimEnd();
  if (event === undefined || text === undefined || !text.endsWith("}")) return events;
  const told = `${text.slice(0, -1)},"sentinel":${JSON.stringify(shownCost(account))}}`;
  // A line break in JSON can only be white space.
  return events.with(at, makeEvent(told.replaceAll(/[\r\n]/g, " "), event.name));
}
