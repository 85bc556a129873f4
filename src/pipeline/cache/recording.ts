import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import type { SseEvent } from "../../protocol/sse.ts";
import type { StoredBody } from "./cache-store.ts";
import { storedBytesMax } from "./storable.ts";

/** What all recordings of a process weigh together, in bytes. */
export interface Recorded {
  bytes: number;
}

/** At the bound a stream that goes on is not kept: there are too many at once. */
const recordedBytesMax = 256 * 1024 * 1024;
/** What an event weighs beside its bytes and its text, which are as long. Measured: 650 bytes of heap, text and all, for 243. */
const eventOverheadBytes = 400;

/** What an event that is kept takes of memory, in bytes. */
export const eventWeight = ({ raw }: SseEvent): number => 2 * raw.length + eventOverheadBytes;

/**
 * Takes down a stream that may be stored, as it goes by and before anything of ours is added to it. It lets go of all of it
 * once there is more than is stored of any answer, or than all may hold. Runs for each event of such a stream; budget
 * 0.1 µs.
 */
export class Recording {
  readonly #recorded: Recorded;
  #events: Buffer[] = [];
  #data: string[] = [];
  #bytes = 0;
  #weight = 0;
  #isGivenUp = false;

  constructor(recorded: Recorded) {
    this.#recorded = recorded;
  }

  add(events: readonly SseEvent[]): void {
    if (this.#isGivenUp) return;
    for (const event of events) {
      const { raw, data } = event;
      // A comment keeps a line warm, and this line is never cold.
      if (data === undefined) continue;
      this.#bytes += raw.length;
      this.#grow(eventWeight(event));
      this.#events.push(raw);
      this.#data.push(data);
    }
    this.#isGivenUp = this.#bytes > storedBytesMax || this.#recorded.bytes > recordedBytesMax;
    if (this.#isGivenUp) this.release();
  }

  /** To be called at the end, however the stream ended. */
  release(): void {
    this.#grow(-this.#weight);
    this.#events = [];
    this.#data = [];
  }

  #grow(bytes: number): void {
    this.#weight += bytes;
    this.#recorded.bytes += bytes;
  }

  /** What the events say, to judge the answer by: its numbers need not keep all their digits, as for a replay they must. */
  values(): readonly JsonObject[] {
    return this.#data.map(parse).filter((value) => value !== undefined);
  }

  /**
   * One chunk an event. Undefined if it was given up. The events are copied into one piece of memory: as they
   * came, each would keep the network's whole chunk alive.
   */
  body(): StoredBody | undefined {
    if (this.#isGivenUp) return undefined;
    const own = Buffer.allocUnsafeSlow(this.#bytes);
    const chunks: Buffer[] = [];
    let at = 0;
    for (const event of this.#events) {
      event.copy(own, at);
      chunks.push(own.subarray(at, (at += event.length)));
    }
    return { kind: "events", chunks };
  }
}

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined; // It says nothing of the answer.
  }
}
