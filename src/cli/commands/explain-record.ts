import { usdText } from "../../lib/usd.ts";
import type { AttemptEntry, AuditAmendment, AuditEntry } from "../../pipeline/audit/entry.ts";
import type { Answer } from "../gateway-client.ts";
import { dollars, dollarText, printable } from "../table.ts";
import { cacheText } from "./explain-cache.ts";
import { explainAmendment } from "./explain-amendment.ts";

/** A record as sentences: what was asked, where it went and why, what it cost, what was set aside for it. */
export function explain(record: Answer): string {
  const entry = record as unknown as AuditEntry;
  if (record["expired"] === true) {
    return `${entry.id}\nThe tenant's retention has emptied this record; its hash is kept.`;
  }
  const lines = [
    `${entry.id}  ${entry.outcome}, status ${entry.status}`,
    `Asked      ${entry.started_at}  ${entry.endpoint}${entry.stream ? ", streamed" : ""}, model ${entry.model}, by key ${entry.key} of ${entry.tenant}`,
    `Route      ${routeOf(entry)}`,
    ...entry.attempts.map((attempt, at) => `Attempt ${at + 1}  ${attemptText(attempt)}`),
    `Time       ${entry.latency_ms} ms in all, first event after ${entry.ttft_ms ?? "-"} ms, ${entry.overhead_us} µs of it Sentinel's`,
    `Tokens     ${tokensOf(entry)}`,
    `Cost       ${dollars("cost_usd")(record)}, ${entry.cost_status}${priceOf(entry)}`,
    `Set aside  ${setAside(entry)}`,
    `Cache      ${cacheText(entry.cache)}`,
    `Shield     ${orNone(entry.shield.map(({ rule, action }) => `${rule}: ${action}`)) ?? "nothing found"}`,
    `Tags       ${orNone(Object.entries(entry.tags).map(([name, value]) => `${name}=${value}`)) ?? "none"}`,
    ...(entry.degraded.length === 0 ? [] : [`Degraded   ${entry.degraded.join(", ")}`]),
    ...laterOf(record),
    `Chain      writer ${String(record["writer"])}, record ${String(record["seq"])}, hash ${String(record["hash"])}`,
  ];
  return lines.map(printable).join("\n");
}

function attemptText(attempt: AttemptEntry): string {
  const { provider, model, status, error_kind: errorKind, cost_nano_usd: cost } = attempt;
  const outcome = `${errorKind ?? "answered"}${status === null ? "" : ` (${status})`}`;
  const costText = cost > 0 ? `, cost ${amount(cost)} (${attempt.cost_status})` : "";
  return `${provider}/${model} at ${attempt.started_ms} ms for ${attempt.duration_ms} ms: ${outcome}${costText}`;
}

/** Judge's scores, feedback, corrections. */
function laterOf({ amendments }: Answer): readonly string[] {
  if (!Array.isArray(amendments)) return [];
  return (amendments as readonly AuditAmendment[]).map(
    (amendment) => `Later      ${amendment.at}  ${explainAmendment(amendment)}`,
  );
}

const orNone = (texts: readonly string[]): string | undefined =>
  texts.length === 0 ? undefined : texts.join(", ");

function routeOf({ route }: AuditEntry): string {
  if (route === null) return "none found";
  const pinned = route.pinned_to === null ? "" : `, pinned to ${route.pinned_to}`;
  return `${route.name} by ${route.strategy} among ${route.candidates.join(", ")}${pinned}`;
}

function tokensOf({ usage }: AuditEntry): string {
  if (usage === null) return "none known to have been used";
  const by = usage.source === "provider" ? "counted by the provider" : "estimated";
  return `${usage.input_tokens} in (${usage.cached_input_tokens} cached), ${usage.output_tokens} out (${usage.reasoning_tokens} reasoning), ${by}`;
}

function priceOf({ price, attempts, cost_status: costStatus }: AuditEntry): string {
  if (price !== null) return `; price: ${price.source} ${price.version}`;
  const isFree = attempts.length === 0 && costStatus === "exact";
  return isFree ? "; no provider was asked" : ", no price known";
}

function setAside({ limits, usage, cost_nano_usd: costNanoUsd }: AuditEntry): string {
  if (limits === null) return "nothing: no limits apply";
  const used = usage === null ? 0 : usage.input_tokens + usage.output_tokens;
  const where = limits.is_local ? ", by this process alone" : "";
  return `${limits.reserved_tokens} tokens and ${amount(limits.reserved_nano_usd)}${where}; used ${used} and ${amount(costNanoUsd)}`;
}

const amount = (nanoUsd: number): string => dollarText(usdText(nanoUsd));
