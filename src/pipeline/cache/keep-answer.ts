import { idEpochMs } from "../../lib/ids.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import type { SseEvent } from "../../protocol/sse.ts";
import type { Account } from "../cost/account.ts";
import type { Exchange } from "../exchange.ts";
import type { StoredAnswer, StoredBody } from "./cache-store.ts";
import type { IncomingCall } from "../incoming-call.ts";
import { beginSemantic } from "./lookup.ts";
import type { CacheableCall } from "./lookup.ts";
import { Recording } from "./recording.ts";
import { foldEvents } from "./replay.ts";
import type { SemanticAsking } from "./semantic-tier.ts";
import { storedBytesMax, whyNotStored } from "./storable.ts";
import type { NotStoredReason } from "./storable.ts";

/** Undefined for a request whose answer is not to be kept. */
export function keeperOf(
  asking: CacheableCall,
  call: IncomingCall,
  exchange: Exchange,
): AnswerKeeper | undefined {
  if (!asking.verdict.writes) return undefined;
  // One that was not to be answered from the cache can be learnt from all the same.
  const semantic = asking.semantic ?? beginSemantic(asking, call);
  return new AnswerKeeper(asking, exchange, semantic);
}

/**
 * Keeps the provider's answer to one request, if it may be kept, before its last byte leaves: whoever asks after that finds
 * it in memory. What is learnt from it goes on in the background.
 */
export class AnswerKeeper {
  readonly #asking: CacheableCall;
  readonly #exchange: Exchange;
  readonly #semantic: SemanticAsking | undefined;
  readonly #recording: Recording;

  constructor(asking: CacheableCall, exchange: Exchange, semantic: SemanticAsking | undefined) {
    this.#asking = asking;
    this.#recording = new Recording(asking.cache.recorded);
    this.#exchange = exchange;
    this.#semantic = semantic;
  }

  /** The events of a stream as they came, before anything of ours is added. */
  record(events: readonly SseEvent[]): void {
    this.#carefully(() => {
      this.#recording.add(events);
    });
  }

  /** After the last event. `account` is what the request came to. */
  keepStream(account: Account): void {
    this.#carefully(() => {
      this.#keepEvents(account);
    });
  }

  /** When nothing more comes of the stream. */
  release(): void {
    this.#recording.release();
  }

  keepWhole(bytes: Buffer, value: JsonObject, account: Account): void {
    this.#carefully(() => {
      if (bytes.length > storedBytesMax) this.#refuse("too_large");
      else this.#keep({ kind: "whole", bytes }, value, account, "application/json");
    });
  }

  /** The answer does not depend on whether it is kept. */
  #carefully(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#asking.cache.onError(error);
    }
  }

  #keepEvents(account: Account): void {
    const body = this.#recording.body();
    if (body?.kind !== "events") {
      this.#refuse("too_large");
      return;
    }
    const { endpoint } = this.#asking.verdict;
    const folded = foldEvents(endpoint, this.#recording.values());
    this.#keep(body, folded, account, "text/event-stream");
  }

  #keep(
    body: StoredBody,
    value: JsonObject | undefined,
    account: Account,
    contentType: string,
  ): void {
    const { verdict, key, cache } = this.#asking;
    const reason = value === undefined ? "unknown_form" : whyNotStored(verdict.endpoint, value);
    const served = account.attempts.at(-1);
    if (reason !== undefined || served === undefined) {
      this.#refuse(reason ?? "unknown_form");
      return;
    }
    const { id, caller, model, tags, usage, startedEpochMs } = this.#exchange;
    // A slow call that began before a `refresh` must not take its place.
    const kept = cache.exact.peek(caller.tenantId, key);
    if (kept !== undefined && idEpochMs(kept.requestId) > startedEpochMs) return;
    const nowEpochMs = cache.clock.epochMs();
    const answer: StoredAnswer = {
      requestId: id,
      tenantId: caller.tenantId,
      model,
      servedModel: served.attempt.model,
      provider: served.attempt.provider,
      endpoint: verdict.endpoint,
      contentType,
      body,
      usage,
      nanoUsd: served.cost.nanoUsd,
      costStatus: served.cost.status,
      tags,
      storedAtEpochMs: nowEpochMs,
      expiresAtEpochMs: nowEpochMs + verdict.ttlMs,
    };
    // What does not work is noted by the store's health, and costs a hit.
    cache.exact.put(key, answer).catch(() => undefined);
    this.#semantic?.learn(answer);
  }

  /** What was looked for and not found, but could not have been kept either, went past the cache. */
  #refuse(reason: NotStoredReason): void {
    this.#exchange.cache = { outcome: "bypass", reason };
  }
}
