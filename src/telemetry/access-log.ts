import type { Log } from "./log.ts";

/**
 * One line a request. The fields are these and no others: no prompt, no answer, no key, no header and no
 * query can get into the log by way of an object that was passed on.
 */
export interface AccessLine {
  readonly request_id: string;
  readonly client_request_id?: string | undefined;
  /** Of the client's trace, or of the one that began here. */
  readonly trace_id?: string | undefined;
  /** Sentinel's own span, where it is exported. */
  readonly span_id?: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** `ok`, or the kind of failure that ended the request. */
  readonly outcome: string;
  readonly latency_ms: number;
  readonly tenant?: string;
  readonly key?: string;
  readonly model?: string;
  readonly provider?: string | undefined;
  readonly provider_model?: string | undefined;
  readonly stream?: boolean;
  readonly ttft_ms?: number | undefined;
  readonly overhead_ms?: number;
  readonly attempts?: number;
  /** `exact`, `semantic`, `miss` or `bypass`. */
  readonly cache?: string | undefined;
  readonly input_tokens?: number | undefined;
  readonly output_tokens?: number | undefined;
  readonly cost_usd?: string | undefined;
  /** `exact`, `estimated` or `unpriced`. */
  readonly cost_status?: string | undefined;
}

export function writeAccessLine(log: Log, line: AccessLine): void {
  log.info(line, "request");
}
