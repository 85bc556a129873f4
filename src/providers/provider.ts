import type { FailureKind } from "../errors.ts";
import type { JsonObject, JsonText } from "../lib/json-text.ts";
import type { Endpoint } from "../protocol/endpoints.ts";
import type { SseEvent } from "../protocol/sse.ts";
import type { Usage } from "../protocol/usage.ts";
import type { TraceContext } from "../telemetry/tracing/trace-context.ts";
import type { Conversation } from "./conversation.ts";
import type { Deadlines } from "./deadlines.ts";
import type { UpstreamPlace } from "./upstream-place.ts";

/**
 * Whatever can answer a request: a vendor behind an adapter, or a policy around another provider. Retry,
 * breaker, fallback and the like take a provider and return one, so that the pipeline sees only one.
 */
export interface Provider {
  /**
   * Resolves once the answer has reached the point of no return: whole, or a stream that has begun. Until
   * then it rejects with a `Failure`, and another provider may be tried.
   */
  send(call: ProviderCall): Promise<ProviderReply>;
}

export interface ProviderCall {
  readonly endpoint: Endpoint;
  readonly request: JsonText;
  /** `request.text` as the bytes that came, for a provider that sends it on unchanged. */
  readonly requestBytes: Buffer;
  /** The model as the provider names it. */
  readonly model: string;
  readonly isStream: boolean;
  readonly conversation: Conversation;
  /** Only this provider may answer, and, where a key is named, only with that one if it is still there. */
  readonly pin: Pin | undefined;
  /** The provider's key that this attempt goes with; undefined before one is chosen, and where none is needed. */
  readonly apiKey: string | undefined;
  /** The trace that the request belongs to: sent on to servers that the operator runs. */
  readonly trace?: TraceContext | undefined;
  /** The client's headers, lower case. An adapter sends on only those that it names. */
  readonly clientHeaders: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Aborted with a `Failure` as its reason: the client left, or Sentinel is shutting down. */
  readonly signal: AbortSignal;
  readonly deadlines: Deadlines;
  /** When the request began and when it must be over, in `performance.now()`. */
  readonly startedTickMs: number;
  readonly deadlineTickMs: number;
  /** Every attempt is noted here, for the log and the audit record. */
  readonly attempts: Attempt[];
}

export interface Pin {
  readonly providerName: string;
  /** As `Attempt.keyId` has it. */
  readonly keyId: string | undefined;
}

/** One request to one target. Filled in as it goes. */
export interface Attempt {
  readonly provider: string;
  readonly model: string;
  /** Where the provider is; undefined for one that is in this process. */
  readonly upstream?: UpstreamPlace | undefined;
  readonly startedTickMs: number;
  /** Of its span, once it went upstream with the request. */
  spanId?: string;
  /** When the provider had answered: its last byte, or the first event of a stream. */
  answeredTickMs?: number;
  /** Which of the provider's keys it went with: a short hash that gives nothing away. */
  keyId?: string;
  status?: number;
  errorKind?: FailureKind;
  /** It failed after the provider had the request, which may have been worked on: nobody has said how much. */
  isUnanswered?: true;
  /** What the provider said that was used, where the attempt failed after it had. */
  usage?: Usage;
}

export type ProviderReply = WholeReply | StreamReply;

interface ReplyHead {
  /** The provider's headers that a client may see, lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Fields of the request that this provider could not take. */
  readonly droppedParams: readonly string[];
}

export interface WholeReply extends ReplyHead {
  readonly kind: "whole";
  readonly bytes: Buffer;
  readonly value: JsonObject;
  readonly usage: Usage | undefined;
}

export interface StreamReply extends ReplyHead {
  readonly kind: "stream";
  readonly events: EventStream;
}

/** Events in the endpoint's own format (OpenAI's, or Anthropic's on `/v1/messages`), without the `[DONE]` that ends a stream: the gateway adds it. */
export interface EventStream {
  /**
   * The events that arrived together. Rejects with a `Failure` if the stream breaks off; only a batch with
   * `isLast` says that the answer is whole. Not to be called again after either.
   */
  next(): Promise<EventBatch>;
  /** What has been told of it so far, also by a stream that then failed; not kept by what stands around a stream. */
  readonly usage?: Usage | undefined;
  /** Stops the provider. May be called at any time, and again. */
  cancel(): void;
}

export interface EventBatch {
  readonly events: readonly SseEvent[];
  readonly usage: Usage | undefined;
  readonly isLast: boolean;
}
