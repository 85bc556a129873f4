import type { StoredAnswer } from "../../pipeline/cache/cache-store.ts";
import type { SemanticEntry } from "../../pipeline/cache/semantic-store.ts";
import { aliasOf } from "./purge-times.ts";
import type { PurgeTimes } from "./purge-times.ts";

/** Whether an entry may be kept: neither over nor purged since it began, and with the answer that it names, if any. */
export function isWelcome(
  entry: SemanticEntry,
  answer: StoredAnswer | undefined,
  { purges, nowEpochMs }: { readonly purges: PurgeTimes; readonly nowEpochMs: number },
): boolean {
  if (entry.expiresAtEpochMs <= nowEpochMs) return false;
  if (purges.refuses(aliasOf(entry, answer))) return false;
  if (answer === undefined) return true;
  const isNamed = answer.tenantId === entry.tenantId && answer.requestId === entry.answerId;
  return isNamed && answer.expiresAtEpochMs > nowEpochMs && !purges.refuses(answer);
}
