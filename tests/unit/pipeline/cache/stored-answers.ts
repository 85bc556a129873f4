import { Recording } from "../../../../src/pipeline/cache/recording.ts";
import { replayStream } from "../../../../src/pipeline/cache/replay.ts";
import type { Replayed } from "../../../../src/pipeline/cache/replay.ts";
import type { StoredBody } from "../../../../src/pipeline/cache/cache-store.ts";
import type { SseEvent } from "../../../../src/protocol/sse.ts";
import { readUsage } from "../../../../src/protocol/usage.ts";

/** Stored answers of tests, and what their replay gives. */
export type Fields = Readonly<Record<string, unknown>>;
export type Streamed = Exclude<Replayed["endpoint"], "embeddings">;

export const wholeBody = (answer: unknown): StoredBody => ({
  kind: "whole",
  bytes: Buffer.from(typeof answer === "string" ? answer : JSON.stringify(answer)),
});

export function streamBody(events: readonly SseEvent[]): StoredBody {
  const recording = new Recording({ bytes: 0 });
  recording.add(events);
  const body = recording.body();
  if (body === undefined) throw new Error("It is too large.");
  return body;
}

export const counted = readUsage({ prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 });

export const stored = (endpoint: Streamed, body: StoredBody): Replayed => ({
  endpoint,
  body,
  usage: counted,
});

export async function read(answer: Replayed, wantsUsage = false): Promise<readonly SseEvent[]> {
  const stream = replayStream(answer, { wantsUsage });
  if (stream === undefined) throw new Error("It cannot be read.");
  const events: SseEvent[] = [];
  for (;;) {
    const batch = await stream.next();
    events.push(...batch.events);
    if (batch.isLast) return events;
  }
}

export const valuesOf = (events: readonly SseEvent[]): Fields[] =>
  events.map(({ data }) => JSON.parse(data ?? "") as Fields);
