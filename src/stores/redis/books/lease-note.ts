import type { LeaseNote } from "../limits/keys.ts";

/**
 * `Lease.journalled` as `settle_lease` takes it; empty where there is none. One that was changed on the way must
 * not stop a script half way, when its record is counted already: then the lease ends by itself.
 */
export function leaseNoteOf(lease: string | undefined): string {
  if (lease === undefined) return "";
  try {
    const { a, k, t, r } = JSON.parse(lease) as Partial<Record<keyof LeaseNote, unknown>>;
    const rates = Array.isArray(r) ? (r as unknown[]) : [];
    const numbers: unknown[] = [a, t, ...rates];
    const isWhole = typeof k === "string" && rates.length === 2 && numbers.every(isAmount);
    return isWhole ? JSON.stringify({ a, k, t, r }) : "";
  } catch {
    return ""; // Another kind of store's.
  }
}

const isAmount = (value: unknown): boolean =>
  typeof value === "number" && Number.isFinite(value) && value >= 0;
