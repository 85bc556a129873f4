import { toFailure } from "../../errors.ts";
import type { Failure } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import type {
  Attempt,
  EventBatch,
  EventStream,
  Provider,
  ProviderCall,
  ProviderReply,
} from "../provider.ts";
import type { TargetHealth } from "../target-health.ts";
import type { UpstreamPlace } from "../upstream-place.ts";

/** Sends with one key. `keyId` is as `Attempt` has it. */
export type SendWithKey = (call: ProviderCall, keyId: string | undefined) => Promise<ProviderReply>;

export interface NoteOptions {
  readonly providerName: string;
  readonly healthOf: () => TargetHealth;
  readonly clock: Clock;
  readonly upstream: UpstreamPlace | undefined;
}

/** Writes down each attempt on a target, with each key by itself, and what it says of the target's health. */
export const noteAttempts =
  (inner: Provider, { providerName, healthOf, clock, upstream }: NoteOptions): SendWithKey =>
  async (call, keyId) => {
    const startedTickMs = clock.tickMs();
    const attempt: Attempt = {
      provider: providerName,
      model: call.model,
      upstream,
      startedTickMs,
      ...(keyId === undefined ? undefined : { keyId }),
    };
    call.attempts.push(attempt);
    const health = healthOf();
    health.noteRequest();
    try {
      const reply = await inner.send(call);
      attempt.answeredTickMs = clock.tickMs();
      attempt.status = 200;
      health.noteSuccess();
      return noteLatency(reply, call, { health, startedTickMs, clock });
    } catch (thrown) {
      attempt.answeredTickMs = clock.tickMs();
      const failure = toFailure(thrown);
      attempt.errorKind = failure.kind;
      attempt.status = failure.status;
      if (isUnanswered(failure)) attempt.isUnanswered = true;
      health.noteFailure(failure, attempt);
      throw failure;
    }
  };

/** A connection that was not made in time is tried again: no model has heard of the request. */
function isUnanswered({ kind, recovery }: Failure): boolean {
  if (kind === "upstream_timeout") return recovery !== "retry";
  return kind === "client_closed_request" || kind === "shutting_down";
}

interface Measuring {
  readonly health: TargetHealth;
  readonly startedTickMs: number;
  readonly clock: Clock;
}

/**
 * Measures the time to a stream's first event, or to the end of a whole answer; only of what succeeded, since
 * a target that fails at once is not fast. A stream may be on its way to the client before its first event:
 * the 500 ms after which a silent one goes out are not the model's.
 */
function noteLatency(
  reply: ProviderReply,
  { endpoint }: ProviderCall,
  { health, startedTickMs, clock }: Measuring,
): ProviderReply {
  if (reply.kind === "stream") {
    const note = (): void => {
      health.noteLatency(health.streams, clock.tickMs() - startedTickMs);
    };
    return { ...reply, events: telling(reply.events, note) };
  }
  // To count tokens is another thing than to answer, and much faster.
  if (endpoint !== "count_tokens") {
    health.noteLatency(health.wholes, clock.tickMs() - startedTickMs);
  }
  return reply;
}

/** Calls `note` with the first event; after it nothing stands between the stream and its reader. */
function telling(events: EventStream, note: () => void): EventStream {
  let isNoted = false;
  const first = async (): Promise<EventBatch> => {
    const batch = await events.next();
    if (!isNoted && batch.events.some((event) => event.data !== undefined)) {
      isNoted = true;
      note();
    }
    return batch;
  };
  return {
    next: () => (isNoted ? events.next() : first()),
    cancel: () => {
      events.cancel();
    },
  };
}
