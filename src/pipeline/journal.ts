import type { AuditRecord, RouteEntry } from "./audit/entry.ts";
import type { CostStatus } from "./cost/cost-status.ts";
import type { JsonObject } from "../lib/json-text.ts";
import type { Endpoint } from "../protocol/endpoints.ts";

/**
 * The outbox: what is appended survives the process, and the stores are fed from it in their own time. Appends
 * are synchronous and take a few microseconds; they never throw and never wait.
 */
export interface Journal {
  /** A request was admitted. If nothing follows it, it becomes `interrupted` at the next start. */
  start(record: StartRecord): void;
  /**
   * The whole record of a request, or an amendment: gets its place in the chain. `lease` is
   * `Lease.journalled`, for a store of limits that settles from the journal.
   */
  record(record: AuditRecord, lease?: string): void;
  /** Prompt and answer of a tenant that has them kept. Dropped first where there is no room. */
  payload(payload: PayloadRecord): void;
  /** Work that is to be done on a request once it is over: dropped after payloads, and before all else. */
  jobs(record: JobsRecord): void;
  /** Whether new requests are to be refused: the disk is full, memory too, and the operator wants it so. */
  readonly mustRefuse: boolean;
}

/** Enough to make an `interrupted` record of. */
export interface StartRecord {
  readonly id: string;
  readonly tenant: string;
  readonly key: string;
  readonly endpoint: Endpoint;
  readonly model: string;
  readonly stream: boolean;
  readonly route: RouteEntry | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly client_request_id: string | null;
  /** What the input alone may cost, by the price of the dearest target. */
  readonly input_tokens: number;
  readonly input_nano_usd: number;
  /** `estimated` or `unpriced`. */
  readonly cost_status: CostStatus;
  /** `Lease.journalled`. */
  readonly lease: string | null;
}

export interface PayloadRecord {
  readonly id: string;
  readonly tenant: string;
  readonly prompt: string;
  readonly answer: string;
  readonly cut: boolean;
}

/** Jobs that have much in common, as several evaluators have the text that they judge. */
export interface JobsRecord {
  /** `NewJob.kind` */
  readonly kind: string;
  readonly tenant: string;
  /** 0 to 9; the highest is done first. */
  readonly priority: number;
  /** Each job's payload is `{...shared, ...payload}`. */
  readonly jobs: readonly { readonly id: string; readonly payload: JsonObject }[];
  readonly shared: JsonObject;
}
