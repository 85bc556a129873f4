import type { AuditLog, StoredRecord } from "../../audit/audit-log.ts";
import type { AuditAmendment, AuditEntry } from "../../audit/entry.ts";
import { evaluationKind } from "../scores/evaluation.ts";
import type { Journal } from "../../journal.ts";
import { evaluatorNameIn } from "../../../tenants/judge-policy.ts";
import type { JudgePolicy } from "../../../tenants/judge-policy.ts";
import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { storedText } from "./answer-said.ts";
import { judgeJobs } from "./judge-job.ts";
import type { ToJudge } from "./judge-job.ts";
import { askedText, bounded, isJudgedEndpoint, wantsSeveral } from "./judged-text.ts";
import type { RecentExchanges } from "./recent-exchanges.ts";
import { isSampledByFeedback } from "./sample.ts";

export interface Complaint {
  readonly tenantId: string;
  readonly requestId: string;
  readonly policy: JudgePolicy;
  /** Undefined where the store did not have it. */
  readonly record: StoredRecord | undefined;
}

export interface ComplaintDeps {
  readonly journal: Pick<Journal, "jobs">;
  readonly recent: Pick<RecentExchanges, "take">;
  readonly auditLog: Pick<AuditLog, "payload">;
}

/**
 * Has an answer judged that got a thumb down, unless it was sampled anyway: its jobs have the same ids. The text is in
 * memory if that was lately, and in the store if the tenant has its payloads kept. Resolves to what became of it.
 */
export async function judgeComplaint(
  { tenantId, requestId, policy, record }: Complaint,
  { journal, recent, auditLog }: ComplaintDeps,
): Promise<"judged" | "not_sampled" | "no_text"> {
  if (!isSampledByFeedback(policy, requestId)) return "not_sampled";
  // Its jobs may be forgotten by now, and would be done and paid for again.
  if (record !== undefined && isJudgedAlready(policy, record)) return "judged";
  const what = recent.take(tenantId, requestId) ?? (await fromStore(record, auditLog));
  if (what === undefined) return "no_text";
  journal.jobs(judgeJobs(policy, "feedback", what));
  return "judged";
}

function isJudgedAlready({ evaluators }: JudgePolicy, { amendments }: StoredRecord): boolean {
  const judgedBy = new Set(
    amendments
      .map((text) => JSON.parse(text) as AuditAmendment)
      .filter(({ kind }) => kind === evaluationKind)
      .map(({ data }) => data["evaluator"]),
  );
  return evaluators.every((reference) => judgedBy.has(evaluatorNameIn(reference)));
}

async function fromStore(
  record: StoredRecord | undefined,
  auditLog: ComplaintDeps["auditLog"],
): Promise<ToJudge | undefined> {
  if (record === undefined || record.text === "") return undefined;
  const entry = JSON.parse(record.text) as AuditEntry;
  const { id, tenant, endpoint } = entry;
  if (entry.payload === null || !isJudgedEndpoint(endpoint)) return undefined;
  const payload = await auditLog.payload(tenant, id);
  const request = payload && parsed(payload.prompt);
  if (payload === undefined || !isJsonObject(request)) return undefined;
  const answer = entry.stream
    ? keptStream(entry, request, payload.answer)
    : storedText(endpoint, payload.answer);
  if (answer.trim() === "") return undefined;
  return {
    requestId: id,
    tenantId: tenant,
    request: {
      key: entry.key,
      model: entry.model,
      served_model: entry.served_model,
      provider: entry.provider,
    },
    asked: askedText(endpoint, request),
    said: { text: bounded(answer), characters: answer.length },
    trace: null,
  };
}

/** A stream is kept as all the text that came: empty where that is of several answers, or has thoughts in it. */
function keptStream({ usage }: AuditEntry, request: JsonObject, kept: string): string {
  const { thinking } = request;
  const mayThink = isJsonObject(thinking) && thinking["type"] !== "disabled";
  const isMixed = mayThink || (usage?.reasoning_tokens ?? 0) > 0 || wantsSeveral(request);
  return isMixed ? "" : kept;
}

/** Undefined for one that was cut when it was kept. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
