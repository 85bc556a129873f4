import { expect, test } from "vitest";

import { usageText } from "../../../src/cli/commands/usage.ts";
import type { Answer } from "../../../src/cli/gateway-client.ts";

const figures = (different: Answer = {}): Answer => ({
  requests: 3,
  failed_requests: 0,
  input_tokens: 1_200,
  cached_input_tokens: 0,
  cache_write_tokens: 0,
  output_tokens: 500,
  reasoning_tokens: 0,
  cost_usd: "0.002000000",
  cost_nano_usd: 2_000_000,
  cost_by_status: {
    exact: { requests: 3, cost_usd: "0.002000000" },
    estimated: { requests: 0, cost_usd: "0.000000000" },
    unpriced: { requests: 0 },
  },
  cache_hits: 0,
  saved_usd: "0.000000000",
  saved_input_tokens: 0,
  saved_output_tokens: 0,
  ...different,
});
const report = (...rows: readonly Answer[]): Answer => ({
  group_by: ["model"],
  data: rows,
  totals: rows.at(-1),
});

test("without hits the table says nothing of a cache", () => {
  const [titles] = usageText(report({ model: "a", ...figures() })).split("\n");
  expect(titles?.split(/ {2,}/)).toEqual(["MODEL", "REQUESTS", "INPUT", "OUTPUT", "COST"]);
});

test("hits stand beside what they saved, and are blank where there are none", () => {
  const hits = {
    cache_hits: 1_250,
    saved_usd: "0.001234000",
    saved_input_tokens: 150_000,
    saved_output_tokens: 5_000,
  };
  const text = usageText(
    report({ model: "a", ...figures() }, { model: "b", ...figures({ ...hits }) }),
  );
  const [titles, none, some] = text.split("\n").map((one) => one.split(/ {2,}/));
  expect(titles?.slice(5)).toEqual(["CACHE HITS", "SAVED", "SAVED INPUT", "SAVED OUTPUT"]);
  expect(none).toEqual(["a", "3", "1,200", "500", "$0.0020"]);
  expect(some?.slice(5)).toEqual(["1,250", "$0.001234", "150,000", "5,000"]);
});

test("hits whose answers had no price show the tokens, and no $0", () => {
  const hits = { cache_hits: 2, saved_input_tokens: 20, saved_output_tokens: 5 };
  const [titles] = usageText(report({ model: "a", ...figures(hits) })).split("\n");
  expect(titles).toMatch(/CACHE HITS {2}SAVED INPUT {2}SAVED OUTPUT$/);
});

test("a gateway of an older version, which does not tell what tokens were saved, is shown all the same", () => {
  const {
    saved_input_tokens: _in,
    saved_output_tokens: _out,
    ...older
  } = figures({
    cache_hits: 2,
    saved_usd: "1.500000000",
  });
  const [titles, row] = usageText(report({ model: "a", ...older })).split("\n");
  expect(titles).toMatch(/COST {2}CACHE HITS {4}SAVED$/);
  expect(row).toMatch(/ 2 {2}\$1\.5000$/);
});
