import { Failure } from "../errors.ts";

/** Whether a call was aborted because its client left, and not by a deadline or by shutting down. */
export function isClientGone(signal: AbortSignal): boolean {
  const reason: unknown = signal.reason;
  return signal.aborted && reason instanceof Failure && reason.kind === "client_closed_request";
}
