import fc from "fast-check";
import { expect, test } from "vitest";

import { compare, driftOf, wholeDay } from "../../../src/cli/reconcile/compare.ts";
import type { LedgerRow } from "../../../src/cli/reconcile/compare.ts";
import {
  comparisonJson,
  comparisonTable,
  percentText,
} from "../../../src/cli/reconcile/comparison-text.ts";
import type { Figures, Measure } from "../../../src/cli/reconcile/figures.ts";
import { familyOf, matchModels } from "../../../src/cli/reconcile/match-models.ts";
import type { ProviderExport, UsageOfDay } from "../../../src/cli/reconcile/read-export.ts";

const tokens = (input: bigint, output: bigint): Figures => ({
  requests: 1n,
  inputTokens: input,
  outputTokens: output,
});
const row = (day: string, model: string, figures: Figures): UsageOfDay => ({ day, model, figures });
const ledgerRow = (day: string, model: string, figures: Figures): LedgerRow => ({
  ...row(day, model, { costNanoUsd: 5n, ...figures }),
  inexactRequests: 0n,
});
const exported = (
  rows: readonly UsageOfDay[],
  measures: readonly Measure[] = ["requests", "inputTokens", "outputTokens"],
): ProviderExport => ({
  rows,
  days: rows.map(({ day }) => day),
  measures,
  hasModels: true,
  notes: [],
});
const verdicts = (result: ReturnType<typeof compare>) =>
  result.rows.map(({ day, model, verdict }) => `${day} ${model}: ${verdict}`);

const day = "2026-11-01";

test("rows within the tolerance are ok, those beyond it drift, and what one side alone has is said to be so", () => {
  const result = compare({
    ledger: [
      ledgerRow(day, "a", tokens(1_000n, 990n)),
      ledgerRow(day, "b", tokens(1_000n, 989n)),
      ledgerRow(day, "ours", tokens(1n, 0n)),
      ledgerRow(day, "refused", tokens(0n, 0n)),
    ],
    provider: exported([
      row(day, "a", tokens(1_000n, 1_000n)),
      row(day, "b", tokens(1_000n, 1_000n)),
      row("2026-10-31", "theirs", tokens(0n, 7n)),
    ]),
    tolerance: 100,
  });
  expect(verdicts(result)).toEqual([
    "2026-10-31 theirs: only in export",
    `${day} a: ok`,
    `${day} b: drift`,
    `${day} ours: only in ledger`,
    // Requests that the provider refused are in the ledger alone, and cost nothing.
    `${day} refused: ok`,
  ]);
  expect(result.drifting).toBe(3);
});

test("requests decide only where there is nothing else", () => {
  const ledger = [ledgerRow(day, "a", { requests: 9n, inputTokens: 5n, outputTokens: 5n })];
  const theirs = [row(day, "a", { requests: 1n, inputTokens: 5n, outputTokens: 5n })];
  const verdictWith = (measures: readonly Measure[]) =>
    compare({ ledger, provider: exported(theirs, measures), tolerance: 0 }).rows[0]?.verdict;
  expect(verdictWith(["requests", "inputTokens", "outputTokens"])).toBe("ok");
  expect(verdictWith(["requests"])).toBe("drift");
});

test("an export without models is compared day by day", () => {
  const ledger = [ledgerRow(day, "a", tokens(1n, 2n)), ledgerRow(day, "b", tokens(3n, 4n))];
  const provider = { ...exported([row(day, "(no model)", tokens(4n, 6n))]), hasModels: false };
  const { rows } = compare({ ledger, provider, tolerance: 0 });
  expect(rows).toMatchObject([{ day, model: wholeDay, verdict: "ok" }]);
});

test("however rows are split and ordered, the sums and the totals are the same", () => {
  const parts = fc.array(
    fc.record({
      day: fc.constantFrom("2026-11-01", "2026-11-02"),
      model: fc.constantFrom("a", "b"),
      figures: fc.record({
        requests: fc.bigInt({ min: 0n, max: 9n }),
        inputTokens: fc.bigInt({ min: 0n, max: 10n ** 20n }),
        outputTokens: fc.bigInt({ min: 0n, max: 9n }),
      }),
    }),
  );
  fc.assert(
    fc.property(parts, (rows) => {
      const ledger = rows.map((part) => ({ ...part, inexactRequests: 1n }));
      const result = compare({
        ledger: ledger.toReversed(),
        provider: exported(rows),
        tolerance: 0,
      });
      expect(result.drifting).toBe(0);
      const sum = rows.reduce((total, { figures }) => total + figures.inputTokens, 0n);
      expect(result.totals.ledger?.inputTokens ?? 0n).toBe(sum);
      expect(result.inexactRequests).toBe(BigInt(rows.length));
    }),
  );
});

test.each([
  ["gpt-4o-2024-08-06", "gpt-4o"],
  ["claude-sonnet-4-5-20250929", "claude-sonnet-4-5"],
  ["claude-sonnet-4-5@20250929", "claude-sonnet-4-5"],
  ["claude-3-5-sonnet-latest", "claude-3-5-sonnet"],
  ["gpt-4-0613", "gpt-4"],
  ["gemini-2.0-flash-001", "gemini-2.0-flash"],
  ["gemini-2.5-pro-preview-05-06", "gemini-2.5-pro-preview"],
  ["claude-opus-4-5", "claude-opus-4-5"],
  ["gpt-oss-120b", "gpt-oss-120b"],
  ["o3", "o3"],
])("%s is of the family %s", (model, family) => {
  expect(familyOf(model)).toBe(family);
});

test("a snapshot is matched to its alias, and never to another snapshot", () => {
  const named = (ours: readonly string[], theirs: readonly string[]) => {
    const label = matchModels(new Set(ours), new Set(theirs));
    return [ours.map(label), theirs.map(label)];
  };
  expect(named(["gpt-4o"], ["gpt-4o-2024-08-06"])).toEqual([["gpt-4o"], ["gpt-4o"]]);
  expect(named(["gpt-4o", "gpt-4o-2024-08-06"], ["gpt-4o-2024-08-06"])).toEqual([
    ["gpt-4o", "gpt-4o"],
    ["gpt-4o"],
  ]);
  expect(named(["m-001"], ["m-002"])).toEqual([["m-001"], ["m-002"]]);
  // Nothing is to be guessed where both sides have the same names.
  const same = ["gpt-4o", "gpt-4o-2024-08-06"];
  expect(named(same, same)).toEqual([same, same]);
  expect(named(["gpt-4o"], ["gpt-4o-mini-2024-07-18"])).toEqual([
    ["gpt-4o"],
    ["gpt-4o-mini-2024-07-18"],
  ]);
});

test.each([
  [101n, 100n, "+1.00%"],
  [99n, 100n, "-1.00%"],
  [0n, 100n, "-100.00%"],
  [100_000n, 1n, "+9,999,900.00%"],
  [3n, 3n, "0%"],
  [10_001n, 10_000n, "+0.01%"],
])("%s against %s drifts by %s", (ledger, provider, text) => {
  expect(percentText(driftOf(ledger, provider) ?? -1n)).toBe(text);
});

test("the table shows both sides and how far apart they are; JSON says the same", () => {
  const provider = exported(
    [row(day, "a", { inputTokens: 1_000n, costNanoUsd: 2_000_000_000n })],
    ["inputTokens", "costNanoUsd"],
  );
  const ledger = [
    ledgerRow(day, "a", { inputTokens: 1_010n, costNanoUsd: 2_000_000_000n }),
    ledgerRow(day, "b", { inputTokens: 1n, costNanoUsd: 0n }),
  ];
  const result = compare({ ledger, provider, tolerance: 100 });
  expect(comparisonTable([...result.rows, result.totals], provider.measures)).toBe(
    [
      "DAY         MODEL  INPUT  EXPORTED   DRIFT     COST  EXPORTED  DRIFT",
      "2026-11-01  a      1,010     1,000  +1.00%  $2.0000   $2.0000     0%",
      "2026-11-01  b          1         -     new       $0         -     0%  only in ledger",
      "TOTAL              1,011     1,000  +1.10%  $2.0000   $2.0000     0%  drift",
    ].join("\n"),
  );
  expect(comparisonJson(result, provider.measures)).toMatchObject({
    drifting_rows: 1,
    rows: [
      {
        ledger: { input_tokens: 1_010, cost_usd: "2.000000000" },
        drift_percent: { input_tokens: 1 },
      },
      { export: null, drift_percent: { input_tokens: null }, verdict: "only in ledger" },
    ],
  });
});
