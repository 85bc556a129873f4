import type { AuditEntry } from "../../../pipeline/audit/entry.ts";
import { tagsPerDayMax } from "../../../pipeline/cost/usage-ledger.ts";
import { periodIdsOf } from "../../../pipeline/limits/budget-periods.ts";
import type { RecordLine } from "../../disk/journal-line.ts";
import { budgetKeysAt, keysOf, periodTtlsMs } from "../limits/keys.ts";
import { readScript } from "../script.ts";
import type { RedisScript, ScriptArgument } from "../script.ts";
import { indexMember, tagParts } from "./index-member.ts";
import { bookKeys } from "./keys.ts";
import { leaseNoteOf } from "./lease-note.ts";
import { namePart } from "./name-part.ts";
import { packRecord } from "./record-codec.ts";
import { countsOf } from "./record-counts.ts";
import type { Window } from "./window.ts";
import { otherModel, sumCodes, usageFieldsMax } from "./usage-fields.ts";

/** One script with its keys and arguments, ready to be sent. */
export interface ScriptCall {
  readonly script: RedisScript;
  readonly keys: readonly string[];
  readonly args: readonly ScriptArgument[];
}

const settleScript = readScript(
  new URL("settle.lua", import.meta.url),
  ["../limits/gcra.lua", "../limits/holds.lua", "../limits/settle-lease.lua", "sums.lua"].map(
    (name) => new URL(name, import.meta.url),
  ),
);

/** Counts a request's record. Throws an `UncountableRecord` for what can never be counted. */
export function settleCall(line: RecordLine, entry: AuditEntry, window: Window): ScriptCall {
  const counts = countsOf(entry);
  const { startedEpochMs: startMs } = counts;
  const keys = bookKeys(entry.tenant, startMs);
  const { rates, holds, holdValues } = keysOf(entry.tenant);
  const served = namePart(entry.served_model ?? "");
  const [key, provider] = [namePart(entry.key), namePart(entry.provider ?? "")];
  const model = namePart(counts.model);
  const endedMs = Date.parse(entry.ended_at);
  return {
    script: settleScript,
    keys: [
      ...[keys.records, keys.index, keys.usage, keys.tags],
      ...budgetKeysAt(entry.tenant, startMs),
      ...[rates, holds, holdValues],
    ],
    args: [
      entry.id,
      packRecord({ text: line.text, ...line.chain }),
      indexMember(entry),
      window.guardEnd(startMs),
      window.recordsExpiry(startMs),
      window.usageExpiry(startMs),
      entry.cost_nano_usd,
      entry.key,
      `${key}|${model}|${served}|${provider}|`,
      `${key}|${otherModel}|${otherModel}|${provider}|`,
      `|${model}|`,
      leaseNoteOf(line.lease),
      (entry.usage?.input_tokens ?? 0) + (entry.usage?.output_tokens ?? 0),
      Number.isFinite(endedMs) ? endedMs : startMs,
      ...periodIdsOf(startMs),
      ...periodTtlsMs,
      usageFieldsMax,
      tagsPerDayMax,
      counts.sums.length,
      ...counts.sums.flatMap(([sum, amount]) => [sumCodes[sum], amount]),
      ...tagParts(entry.tags),
    ],
  };
}
