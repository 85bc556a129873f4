import { ulid } from "ulid";

import type { RedisConnection } from "../open.ts";
import { readScript } from "../script.ts";
import { replicasKey } from "./keys.ts";

const heartbeat = readScript(new URL("heartbeat.lua", import.meta.url));

/** So soon a new replica is known to the others, and its part of a limit not spent by them. */
const beatEveryMs = 2_000;
/** A replica that is silent for so long is no longer counted. */
const wordHoldsMs = 30_000;
/** As many answers as a silent one takes to drop out: a Redis that was emptied hears of all of them again within that. */
const answersKept = 15;

export interface ReplicasListener {
  onWord(): void;
  onSilence(error: unknown): void;
}

/** So many words in a row that Redis did not take are no accident. */
const silencesMax = 2;

/**
 * How many replicas share the same Redis, as far as this one knows. Its words tell also, where nobody asks anything,
 * whether Redis is there: `onSilence` once when it is not, `onWord` whenever it is.
 */
export class Replicas implements AsyncDisposable {
  readonly #redis: RedisConnection;
  readonly #listener: ReplicasListener;
  readonly #id = ulid();
  readonly #timer: NodeJS.Timeout;
  #counts: number[] = [];
  #silences = 0;

  constructor(redis: RedisConnection, listener: ReplicasListener) {
    this.#redis = redis;
    this.#listener = listener;
    this.#timer = setInterval(() => void this.beat(), beatEveryMs);
    this.#timer.unref();
    void this.beat();
  }

  /** At least this one. The last known while Redis is gone. */
  get count(): number {
    return Math.max(1, ...this.#counts);
  }

  /** Says that this one is alive. */
  async beat(): Promise<void> {
    try {
      const count = Number(
        await this.#redis.run(heartbeat, [replicasKey], [this.#id, wordHoldsMs]),
      );
      this.#counts = [...this.#counts, count].slice(-answersKept);
      this.#silences = 0;
      this.#listener.onWord();
    } catch (error) {
      // What was known last stays.
      this.#silences += 1;
      if (this.#silences === silencesMax) this.#listener.onSilence(error);
    }
  }

  /** The others need not wait until its word expires. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#redis.client.zrem(replicasKey, this.#id).catch(() => undefined); // It expires by itself.
  }
}
