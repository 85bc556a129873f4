import { expect, test } from "vitest";

import { readLedger } from "../../../src/cli/reconcile/read-ledger.ts";
import type { Answer, GatewayClient } from "../../../src/cli/gateway-client.ts";

const row = (different: Answer): Answer => ({
  day: "2026-11-01",
  served_model: "gpt-5",
  provider: "openai",
  requests: 10,
  input_tokens: 1_000,
  output_tokens: 500,
  cost_usd: "0.500000000",
  cost_by_status: { estimated: { requests: 1 }, unpriced: { requests: 0 } },
  cache_hits: 0,
  ...different,
});

const gatewayWith = (rows: readonly Answer[]): GatewayClient => ({
  url: "http://127.0.0.1:8000",
  ask: () => Promise.resolve({ data: rows }),
  open: () => Promise.reject(new Error("nothing is read as it comes")),
});

const question = {
  tenantId: "acme",
  provider: "openai",
  firstDay: "2026-11-01",
  lastDay: "2026-11-01",
};

test("what the cache answered is not compared with a provider's bill", async () => {
  const rows = await readLedger(
    gatewayWith([
      row({ cache_hits: 4, saved_usd: "0.200000000" }),
      row({ served_model: "", provider: "", requests: 7, cache_hits: 7, cost_usd: "0.000000000" }),
    ]),
    question,
  );
  expect(rows).toEqual([
    {
      day: "2026-11-01",
      model: "gpt-5",
      figures: {
        requests: 6n,
        inputTokens: 1_000n,
        outputTokens: 500n,
        costNanoUsd: 500_000_000n,
      },
      inexactRequests: 1n,
    },
  ]);
});
