import type { SseEvent } from "../../../protocol/sse.ts";
import type { WholeReply } from "../../../providers/provider.ts";
import { bodyBytes } from "../cache-store.ts";
import type { StoredBody } from "../cache-store.ts";

/**
 * What stored answers come to when they are replayed in the mode they were stored in: who is asked for one again and
 * again reads it once. It lives as long as the body that it belongs to, and only for bodies whose owner has room for it.
 */
export interface Remembered {
  whole?: Pick<WholeReply, "bytes" | "value">;
  eventsWithUsage?: readonly SseEvent[];
  eventsWithoutUsage?: readonly SseEvent[];
}

const remembered = new WeakMap<StoredBody, Remembered>();

/** For whoever keeps the body and counts `replayWeight` for it. */
export function rememberReplays(body: StoredBody): void {
  if (!remembered.has(body)) remembered.set(body, {});
}

/** To be filled in by a replay; undefined where nothing is to be remembered. */
export const rememberedOf = (body: StoredBody): Remembered | undefined => remembered.get(body);

/**
 * What may come to be remembered weighs no more, in bytes: a whole answer's bytes and value; the events of a stream in
 * two lists, of which each may have been read.
 */
export function replayWeight(body: StoredBody): number {
  const eventCount = body.kind === "whole" ? 0 : body.chunks.length;
  return 4 * bodyBytes(body) + 2 * eventCount * eventWeight + valueWeight;
}

/** An event's object with its texts' headers, and the least that a parsed answer of few fields takes. */
const eventWeight = 160;
const valueWeight = 2_500;
