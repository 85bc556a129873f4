import { expect, test } from "vitest";

import { usdText } from "../../src/lib/usd.ts";
import { report } from "../support/books-agree.ts";
import type { UsageReport } from "../support/books-agree.ts";
import { nanoUsdPer, sharePricedUpstream } from "../support/priced-upstream.ts";
import type { TestTenant } from "../support/priced-upstream.ts";
import { completion, whole } from "../support/scripted-upstream.ts";

const plane = await sharePricedUpstream();
const usage = { prompt_tokens: 100, completion_tokens: 40, total_tokens: 140 };
const callNanoUsd = 100 * nanoUsdPer.input + 40 * nanoUsdPer.output;
plane.upstream.answer(whole(completion("Hello", { usage })));

async function ask(tenant: TestTenant, fields: object = {}): Promise<string | null> {
  const headers = { "x-sentinel-tags": "team=a" };
  const answer = await tenant.chat({ temperature: 0, ...fields }, headers);
  await answer.arrayBuffer();
  return answer.headers.get("x-sentinel-cache");
}

const usageOf = (tenant: TestTenant, groupBy: string): Promise<UsageReport> =>
  report<UsageReport>(plane.gateway, `/v1/usage?tenant=${tenant.id}&group_by=${groupBy}`);

const savings = {
  cache_hits: 2,
  saved_usd: usdText(2 * callNanoUsd),
  saved_input_tokens: 200,
  saved_output_tokens: 80,
};
const noSavings = {
  cache_hits: 0,
  saved_usd: "0.000000000",
  saved_input_tokens: 0,
  saved_output_tokens: 0,
};

test("what hits saved stands in /v1/usage beside what was spent, in every grouping", async () => {
  const tenant = await plane.newTenant();
  const outcomes = [await ask(tenant), await ask(tenant), await ask(tenant, { stream: true })];
  expect(outcomes).toEqual(["miss", "exact", "exact"]);
  await tenant.booksAgree(3);
  const spent = {
    requests: 3,
    input_tokens: 100,
    output_tokens: 40,
    cost_usd: usdText(callNanoUsd),
  };
  for (const groupBy of ["", "day", "hour", "model", "key", "tag"]) {
    const { data, totals } = await usageOf(tenant, groupBy);
    expect(data).toMatchObject([{ ...spent, ...savings }]);
    expect(totals).toMatchObject({
      ...spent,
      ...savings,
      cost_by_status: { exact: { requests: 3 }, unpriced: { requests: 0 } },
    });
  }
});

test("hits are of no provider, so that a provider's rows are what it bills", async () => {
  const tenant = await plane.newTenant();
  for (let count = 0; count < 3; count += 1) await ask(tenant);
  await tenant.booksAgree(3);
  const { data } = await usageOf(tenant, "provider,served_model");
  expect(data).toMatchObject([
    { provider: "", served_model: "", requests: 2, cost_usd: "0.000000000", ...savings },
    { provider: "test", served_model: "m", requests: 1, input_tokens: 100, ...noSavings },
  ]);
});

test("a hit on an answer that had no price saves tokens, and is no unpriced request", async () => {
  const tenant = await plane.newTenant();
  const model = "untold";
  expect([await ask(tenant, { model }), await ask(tenant, { model })]).toEqual(["miss", "exact"]);
  await tenant.booksAgree(2);
  const { totals } = await usageOf(tenant, "");
  expect(totals).toMatchObject({
    ...noSavings,
    cache_hits: 1,
    saved_input_tokens: 100,
    saved_output_tokens: 40,
    cost_by_status: { exact: { requests: 1 }, unpriced: { requests: 1 } },
  });
});
