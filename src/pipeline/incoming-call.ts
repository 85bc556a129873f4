import type { JsonText } from "../lib/json-text.ts";
import type { Endpoint } from "../protocol/endpoints.ts";
import type { Pin, ProviderCall } from "../providers/provider.ts";
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
  /** Aborted with a `Failure` when the client leaves or Sentinel shuts down. */
  readonly signal: AbortSignal;
  /** How long the client itself is ready to wait, in milliseconds. */
  readonly timeoutMs: number | undefined;
  readonly startedEpochMs: number;
  readonly startedTickMs: number;
}
