import { expect, test } from "vitest";

import { systemClock } from "../../../src/lib/clock.ts";
import { askInternally } from "../../../src/pipeline/ask-internally.ts";
import type { InternalSpend } from "../../../src/pipeline/ask-internally.ts";
import type { Account } from "../../../src/pipeline/cost/account.ts";
import { Drains } from "../../../src/pipeline/drains.ts";
import { RunningExchanges } from "../../../src/pipeline/metrics/running-exchanges.ts";
import type { Exchange } from "../../../src/pipeline/exchange.ts";
import { Reservations } from "../../../src/pipeline/limits/reservation.ts";
import type { ProviderCall, ProviderReply } from "../../../src/providers/provider.ts";
import { memoryLimitStore } from "../../../src/stores/memory/limit-store.ts";
import { systemTenantId } from "../../../src/tenants/system-tenant.ts";

const billed: Account = {
  attempts: [],
  usage: {
    inputTokens: 5,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
    source: "estimated",
  },
  cost: { nanoUsd: 7, status: "estimated" },
  quote: undefined,
};

/** A provider that answers nothing, and lets go when it is told to. */
function silentProvider() {
  const { promise: asked, resolve: noteAsked } = Promise.withResolvers<undefined>();
  const send = ({ signal }: ProviderCall): Promise<ProviderReply> =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        reject(signal.reason as Error);
      });
      noteAsked(undefined);
    });
  return { send, asked };
}

test("who gives up a question of Sentinel's own is a client who left, and no fault of anything", async () => {
  const ended: Exchange[] = [];
  const giveUp = new AbortController();
  const provider = silentProvider();
  const spends: InternalSpend[] = [];
  const asking = askInternally(
    {
      caller: { tenantId: systemTenantId, keyId: "k", role: "inference", policies: [] },
      body: { model: "judge", messages: [] },
      signal: giveUp.signal,
      timeoutMs: 60_000,
      noteSpend: (spend) => spends.push(spend),
    },
    {
      limits: memoryLimitStore({ clock: systemClock, spent: [] }),
      reservations: new Reservations(),
      quoteOf: () => undefined,
      journal: { mustRefuse: false, start: () => undefined } as never,
      drains: new Drains(),
      running: new RunningExchanges(),
      responses: {} as never,
      findRoute: () => ({
        name: "judge",
        strategy: "direct",
        targets: [{ name: "test/judge", providerName: "test", model: "judge" }],
        provider,
      }),
      settle: (exchange, outcome) => {
        exchange.end ??= { outcome, tickMs: 0 };
        exchange.account ??= billed;
        ended.push(exchange);
      },
    },
    systemClock,
  );
  asking.catch(() => undefined); // It is looked at below.
  await provider.asked;
  giveUp.abort(new Error("It took too long."));
  await expect(asking).rejects.toMatchObject({ kind: "client_closed_request" });
  // What the provider was asked is billed all the same, and told.
  expect(spends).toEqual([
    { requestId: ended[0]?.id, nanoUsd: 7, inputTokens: 5, outputTokens: 0 },
  ]);
  expect(ended.map(({ end }) => end?.outcome)).toMatchObject([
    { kind: "failed", failure: { kind: "client_closed_request" } },
  ]);
});
