import { describe, expect, test } from "vitest";

import type { AuditAmendment } from "../../src/pipeline/audit/entry.ts";
import {
  evaluatorsPerDayMax,
  noJudgeSums,
  otherEvaluator,
} from "../../src/pipeline/judge/scores/judge-sums.ts";
import type { JudgeDimension, JudgeRow } from "../../src/pipeline/judge/scores/judge-sums.ts";
import { anAmendment, anEntry, aWriter, takeRecords } from "../support/audit-builders.ts";
import { aFeedback, anEvaluation, judgedBefore, requestOf } from "../support/judge-builders.ts";
import { dayMs, hourMs, yesterdayMs } from "./open-books.ts";
import type { OpenBooks, TestBooks } from "./open-books.ts";

/** What every ledger sums up of what was said of requests later. */
export function judgeLedgerContract(name: string, openBooks: OpenBooks): void {
  describe(`evaluations and feedback in ${name}`, () => {
    test("every sum is that of the amendments, and requests are counted as without them", async () => {
      await using books = await openBooks();
      const entry = anEntry(yesterdayMs());
      const failed = { status: "failed", score: null, cost_nano_usd: 0 } as const;
      const { added, refused } = await takeRecords(books.sink, [
        entry,
        anEvaluation(entry, { same_family: true }),
        anEvaluation(entry, { round: 2, score: 0.25, answer_characters: 100, is_repaired: true }),
        anEvaluation(entry, { round: 3, status: "not_applicable", score: null }),
        anEvaluation(entry, { round: 4, ...failed, failure: "timeout" }),
        anEvaluation(entry, { round: 5, ...failed, failure: "daily_cap" }),
        aFeedback(entry, { evaluator: "relevance", score: 1, judged: judgedBefore(0.75) }),
      ]);
      expect([added, refused]).toEqual([7, []]);
      const [row] = await judge(books, ["evaluator"]);
      expect(row).toEqual({
        group: { evaluator: "relevance" },
        sums: {
          scored: 2n,
          not_applicable: 1n,
          failed: 1n,
          capped: 1n,
          sampled: 2n,
          score_millionths: 1_000_000n,
          score_squares: 625_000_000n,
          characters: 500n,
          character_squares: 170_000n,
          score_characters: 3_250_000n,
          same_family: 1n,
          repaired: 1n,
          cost_nano_usd: 4_500n,
          feedback: 1n,
          feedback_scored: 1n,
          feedback_millionths: 1_000_000n,
          pairs: 1n,
          pair_judge_millionths: 750_000n,
          pair_human_millionths: 1_000_000n,
          pair_difference_squares: 62_500_000n,
          pair_agreements: 1n,
        },
      });
      const [usage] = await books.ledger.usage({ ...span(), groupBy: [] });
      expect(usage?.sums).toMatchObject({ requests: 1n, exact_nano_usd: 123_450n });
    });

    test("two texts of one id, from two writers, in either order: the first is kept and counted", async () => {
      const entry = anEntry(yesterdayMs());
      const [left, right] = [0.25, 1].map((score) => anEvaluation(entry, { score }));
      if (left === undefined || right === undefined) throw new Error("there are two");
      expect(left.id).toBe(right.id);
      for (const [first, second] of [
        [left, right],
        [right, left],
      ] as const) {
        await using books = await openBooks();
        await takeRecords(books.sink, [entry]);
        expect(await takeRecords(books.sink, [first])).toMatchObject({ added: 1, refused: [] });
        expect(await takeRecords(books.sink, [second])).toMatchObject({ added: 0, refused: [] });
        await expectOnly(books, first);
        // In one batch of a third writer, as after a replay.
        await takeRecords(books.sink, [second, first]);
        await expectOnly(books, first);
      }
    });

    test("an amendment that comes before its record, or its tenant's first one, counts as well", async () => {
      await using books = await openBooks();
      const entry = anEntry(yesterdayMs());
      const said = anEvaluation(entry);
      await takeRecords(books.sink, [said]);
      expect(await judge(books, [])).toHaveLength(1);
      await takeRecords(books.sink, [entry, anEntry(yesterdayMs())]);
      const found = await books.auditLog.get("acme", entry.id);
      expect(found?.amendments).toEqual([JSON.stringify(said)]);
      const { records } = await books.auditLog.list({ ...span(), limit: 10 });
      expect(records).toHaveLength(2);
      expect((await judge(books, []))[0]?.sums.scored).toBe(1n);
    });

    test("the same lines again add nothing, whatever a batch is cut to", async () => {
      await using books = await openBooks();
      const entries = [0, 1, 2].map((hour) => anEntry(yesterdayMs() + hour * hourMs));
      const said = entries.flatMap((entry) => [anEvaluation(entry), aFeedback(entry)]);
      const writer = aWriter();
      const lines = writer.lines([...entries, ...said]);
      await books.sink.take(writer.batch(lines));
      const before = await judge(books, ["evaluator"]);
      for (const line of lines) {
        expect(await books.sink.take(writer.batch([line]))).toMatchObject({ added: 0 });
      }
      expect(await judge(books, ["evaluator"])).toEqual(before);
    });

    test("rows are by any dimensions; the day is that of the request", async () => {
      await using books = await openBooks();
      const late = anEntry(yesterdayMs() + dayMs - 1, { model: "a|b", key: "k%" });
      const early = anEntry(yesterdayMs() - dayMs, { served_model: null, provider: null });
      const judged = { judge_model: "judge-2", version: "ba9876543210" };
      const at = new Date(yesterdayMs() + 2 * dayMs).toISOString();
      await takeRecords(books.sink, [
        { ...anEvaluation(late), at },
        anEvaluation(late, { evaluator: "toxicity", ...judged }),
        anEvaluation(early, { score: 0 }),
      ]);
      const groups = async (...groupBy: JudgeDimension[]) =>
        (await judge(books, groupBy)).map(({ group, sums }) => [
          ...groupBy.map((dimension) => group[dimension]),
          Number(sums.scored),
        ]);
      const [before, yesterday] = [yesterdayMs() - dayMs, yesterdayMs()].map((ms) =>
        new Date(ms).toISOString().slice(0, 10),
      );
      expect(await groups("day")).toEqual([
        [before, 1],
        [yesterday, 2],
      ]);
      expect(await groups("evaluator", "judge_model", "evaluator_version")).toEqual([
        ["relevance", "judge-1", "0123456789ab", 2],
        ["toxicity", "judge-2", "ba9876543210", 1],
      ]);
      expect(await groups("model", "key")).toEqual([
        ["a|b", "k%", 2],
        ["smart", "key1", 1],
      ]);
      expect(await groups("provider", "served_model")).toEqual([
        ["", "", 1],
        ["openai", "gpt-5", 2],
      ]);
      const until = { ...span(), toMs: yesterdayMs() };
      const [first] = await books.ledger.judge({ ...until, groupBy: [] });
      expect(first?.sums).toMatchObject({ scored: 1n, score_millionths: 0n });
    });

    test("tenants never meet", async () => {
      await using books = await openBooks();
      const mine = anEntry(yesterdayMs());
      const theirs = anEntry(yesterdayMs(), { tenant: "zeta" });
      const forged = { ...anEvaluation(mine, { score: 0 }), tenant: "zeta" };
      await takeRecords(books.sink, [mine, theirs, anEvaluation(mine), aFeedback(theirs)]);
      expect(await judge(books, [], "zeta")).toMatchObject([
        { sums: { scored: 0n, feedback: 1n } },
      ]);
      expect(await judge(books, [])).toMatchObject([{ sums: { scored: 1n, feedback: 0n } }]);
      await takeRecords(books.sink, [forged]);
      expect((await books.auditLog.get("acme", mine.id))?.amendments).toHaveLength(1);
      expect(await judge(books, [])).toMatchObject([{ sums: { score_millionths: 750_000n } }]);
      expect(await judge(books, [], "nobody")).toEqual([]);
    });

    test("what is malformed, or of another kind, is kept, counts nowhere and stops nothing", async () => {
      await using books = await openBooks();
      const entry = anEntry(yesterdayMs());
      const broken = anEvaluation(entry, { score: 7 });
      const other = anAmendment(entry, { kind: "correction" });
      const good = aFeedback(entry);
      const { added, refused } = await takeRecords(books.sink, [entry, broken, other, good]);
      expect([added, refused]).toEqual([4, []]);
      expect(await judge(books, [])).toEqual([
        {
          group: {},
          sums: {
            ...noJudgeSums(),
            feedback: 1n,
            feedback_scored: 1n,
            feedback_millionths: 1_000_000n,
          },
        },
      ]);
      expect((await books.auditLog.get("acme", entry.id))?.amendments).toHaveLength(3);
    });

    test("amendments are shown by when they were said, whatever their ids are", async () => {
      await using books = await openBooks();
      const entry = anEntry(yesterdayMs());
      const said = Array.from({ length: 12 }, (_, index) => ({
        ...anEvaluation(entry, { evaluator: `e${index}` }),
        at: new Date(yesterdayMs() + index * 1_000).toISOString(),
      }));
      await takeRecords(books.sink, [entry, ...said.toReversed()]);
      const found = await books.auditLog.get("acme", entry.id);
      expect(found?.amendments).toEqual(said.map((one) => JSON.stringify(one)));
    });

    test("beyond a hundred evaluators of a tenant's day there is one for all others", async () => {
      await using books = await openBooks();
      const entry = anEntry(yesterdayMs());
      const names = Array.from({ length: evaluatorsPerDayMax + 5 }, (_, index) => `e${index}`);
      const said = names.map((evaluator) => anEvaluation(entry, { evaluator }));
      await takeRecords(books.sink, [aFeedback(entry), ...said]);
      await takeRecords(books.sink, [anEvaluation(entry, { evaluator: "e0", round: 2 })]);
      const rows = await judge(books, ["evaluator"]);
      expect(rows).toHaveLength(evaluatorsPerDayMax + 2);
      const of = (evaluator: string) => rows.find(({ group }) => group.evaluator === evaluator);
      expect(of(otherEvaluator)?.sums.scored).toBe(5n);
      expect(of("e0")?.sums.scored).toBe(2n);
      expect(of("")?.sums).toMatchObject({ scored: 0n, feedback: 1n });
    });

    test("money beyond what a number holds is still exact", async () => {
      await using books = await openBooks();
      const entry = anEntry(yesterdayMs());
      const most = { cost_nano_usd: Number.MAX_SAFE_INTEGER, request: requestOf(entry) };
      const rounds = [1, 2, 3].map((round) => anEvaluation(entry, { round, ...most }));
      await takeRecords(books.sink, rounds);
      const [row] = await judge(books, []);
      expect(row?.sums.cost_nano_usd).toBe(3n * BigInt(Number.MAX_SAFE_INTEGER));
    });
  });
}

const span = (tenantId = "acme") => ({
  tenantId,
  fromMs: yesterdayMs() - dayMs,
  toMs: yesterdayMs() + 2 * dayMs,
});

const judge = (
  { ledger }: TestBooks,
  groupBy: readonly JudgeDimension[],
  tenantId = "acme",
): Promise<readonly JudgeRow[]> => ledger.judge({ ...span(tenantId), groupBy });

async function expectOnly(books: TestBooks, amendment: AuditAmendment): Promise<void> {
  const found = await books.auditLog.get("acme", amendment.request_id);
  expect(found?.amendments).toEqual([JSON.stringify(amendment)]);
  const millionths = BigInt(Number(amendment.data["score"]) * 1e6);
  expect(await judge(books, [])).toMatchObject([
    { sums: { scored: 1n, score_millionths: millionths, cost_nano_usd: 1_500n } },
  ]);
}
