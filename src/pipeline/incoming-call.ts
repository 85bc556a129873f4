import type { JsonText } from "../lib/json-text.ts";
import type { Endpoint } from "../protocol/endpoints.ts";
import type { Pin, ProviderCall } from "../providers/provider.ts";
import type { TraceContext } from "../telemetry/tracing/trace-context.ts";
import type { Arrival } from "./stage-times.ts";
import type { Caller } from "../tenants/tenant.ts";

/** A request that has been read and checked, and whose caller is known. */
export interface IncomingCall {
  /** A ULID: the `x-request-id` that the client gets. */
  readonly id: string;
  /** The client's own `x-request-id`. */
  readonly clientRequestId: string | undefined;
  readonly caller: Caller;
  readonly endpoint: Endpoint;
  /** As the client named it. */
  readonly model: string;
  readonly isStream: boolean;
  readonly request: JsonText;
  readonly requestBytes: Buffer;
  /** The provider that the client asks for by name, by `x-sentinel-provider`. */
  readonly pin: Pin | undefined;
  readonly clientHeaders: ProviderCall["clientHeaders"];
  /** From `x-sentinel-tags`: what the tenant wants its usage told apart by. */
  readonly tags: Readonly<Record<string, string>>;
  readonly userAgent: string | undefined;
  /** The trace that it belongs to, where there is one. */
  readonly trace: TraceContext | undefined;
  /** Aborted with a `Failure` when the client leaves or Sentinel shuts down. */
  readonly signal: AbortSignal;
  /** How long the client itself is ready to wait, in milliseconds. */
  readonly timeoutMs: number | undefined;
  /** The time in `id`, milliseconds since 1970: the hour, day and month that the request belongs to, everywhere. */
  readonly startedEpochMs: number;
  readonly startedTickMs: number;
  /** Undefined for a call of Sentinel's own, which nobody had to send. */
  readonly arrival?: Arrival;
}
