import type { AuditAmendment } from "../../../pipeline/audit/entry.ts";
import type { JudgeCount } from "../../../pipeline/judge/scores/count-evaluation.ts";
import {
  evaluatorsPerDayMax,
  judgeSums,
  otherEvaluator,
} from "../../../pipeline/judge/scores/judge-sums.ts";
import type { Connection } from "../connection.ts";
import type { SqlValue } from "../protocol.ts";
import { addSql, held } from "./add-sql.ts";
import { dayMs } from "./day-files.ts";

export interface CountedAmendment {
  readonly amendment: AuditAmendment;
  readonly count: JudgeCount;
}

/** Tenants' days whose evaluators are remembered from one batch to the next. */
const daysKnownMax = 1_000;

const dimensions = [
  "tenant",
  "day",
  "key",
  "model",
  "served_model",
  "provider",
  "evaluator",
  "evaluator_version",
  "judge_model",
];

const addRowSql = addSql({ table: "judge_days", dimensions, sums: judgeSums });

/** Adds evaluations and feedback to the ledger. To be called in a transaction; forgets what it knows if that is undone. */
export class JudgeDays {
  /** Their evaluators, by tenant and day. */
  readonly #evaluators = new Map<string, Set<string>>();

  forget(): void {
    this.#evaluators.clear();
  }

  add(connection: Connection, { amendment, count }: CountedAmendment): void {
    const { tenant } = amendment;
    const day = Math.floor(count.startedEpochMs / dayMs);
    const evaluator = this.#evaluatorOf(connection, { tenant, day }, count.evaluator);
    const { key, model, servedModel, provider, version, judgeModel } = count;
    const names = [key, model, servedModel, provider, evaluator, version, judgeModel];
    const sums = judgeSums.map((sum) => held(BigInt(count.sums[sum] ?? 0)));
    const params: SqlValue[] = [tenant, day, ...names, ...sums];
    connection.run({ sql: addRowSql, params });
  }

  /** Beyond the first hundred of a tenant's day there is one for all others. Feedback in general needs no place. */
  #evaluatorOf(connection: Connection, of: TenantDay, evaluator: string): string {
    if (evaluator === "") return evaluator;
    const known = this.#known(connection, of);
    if (!known.has(evaluator) && known.size < evaluatorsPerDayMax) known.add(evaluator);
    return known.has(evaluator) ? evaluator : otherEvaluator;
  }

  #known(connection: Connection, { tenant, day }: TenantDay): Set<string> {
    const name = `${day} ${tenant}`;
    const known = this.#evaluators.get(name);
    if (known !== undefined) return known;
    const sql = `
      SELECT DISTINCT evaluator FROM judge_days
      WHERE tenant = ? AND day = ? AND evaluator NOT IN ('', '${otherEvaluator}')`;
    const rows = connection.all({ sql, params: [tenant, day] });
    const evaluators = new Set(rows.map(({ evaluator }) => String(evaluator)));
    if (this.#evaluators.size >= daysKnownMax) this.#evaluators.clear();
    this.#evaluators.set(name, evaluators);
    return evaluators;
  }
}

interface TenantDay {
  readonly tenant: string;
  readonly day: number;
}
