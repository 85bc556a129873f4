import type { AuditLog } from "../../../pipeline/audit/audit-log.ts";
import type { UsageLedger } from "../../../pipeline/cost/usage-ledger.ts";

export type Books = AuditLog & UsageLedger;
export type BookCall = keyof Books;

/** Calls are answered in the order in which they were posted. */
export interface ToReader {
  readonly id: number;
  readonly call: BookCall;
  readonly args: readonly unknown[];
}

export type FromReader =
  { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: Error };

export interface ReaderSettings {
  readonly dataDir: string;
}
