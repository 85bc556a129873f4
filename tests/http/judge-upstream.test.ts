import { afterAll, beforeEach, expect, test } from "vitest";

import { gatewayConfigSchema, normaliseGateway } from "../../src/config/gateway-config.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { JsonObject } from "../../src/lib/json-text.ts";
import { askInternally } from "../../src/pipeline/ask-internally.ts";
import type { InternalAskDeps, InternalSpend } from "../../src/pipeline/ask-internally.ts";
import { accountOf } from "../../src/pipeline/cost/account.ts";
import { Drains } from "../../src/pipeline/drains.ts";
import type { Ask } from "../../src/pipeline/judge/asking/ask-judge.ts";
import { relevance } from "../../src/pipeline/judge/evaluators/built-in/ratings.ts";
import { freshNonce } from "../../src/pipeline/judge/asking/fresh-nonce.ts";
import { judge } from "../../src/pipeline/judge/asking/judge.ts";
import { modelLimits } from "../../src/pipeline/judge/asking/model-limits.ts";
import type { Verdict } from "../../src/pipeline/judge/asking/verdict.ts";
import { Reservations } from "../../src/pipeline/limits/reservation.ts";
import { RunningExchanges } from "../../src/pipeline/metrics/running-exchanges.ts";
import { memoryLimitStore } from "../../src/stores/memory/limit-store.ts";
import { systemTenantId } from "../../src/tenants/system-tenant.ts";
import { RouteTable } from "../../src/wiring-routes.ts";
import { nanoUsdPer, priceOfM } from "../support/priced-upstream.ts";
import { anAnswer, token } from "../support/scripted-judge.ts";
import { completion, startScriptedUpstream, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";

/** The judge, the gateway's own pipeline, its routes and adapters, and a provider that is played behind a socket. */
const upstream = await startScriptedUpstream();
const routes = new RouteTable(
  {
    config: normaliseGateway(
      gatewayConfigSchema.parse({
        providers: {
          test: {
            type: "openai",
            base_url: upstream.baseUrl,
            api_keys: ["sk-upstream"],
            models: ["m"],
          },
        },
        models: { judge: { retries: 0, targets: [{ provider: "test", model: "m" }] } },
        prices: { test: { m: priceOfM } },
      }),
      [],
    ),
    listedPrice: () => undefined,
  },
  systemClock,
  () => undefined,
);
afterAll(async () => {
  await routes.destroy();
  await upstream[Symbol.asyncDispose]();
});
beforeEach(() => {
  upstream.forget();
});

const quoteOf = routes.quoteOf.bind(routes);
const deps: InternalAskDeps = {
  limits: memoryLimitStore({ clock: systemClock, spent: [] }),
  reservations: new Reservations(),
  quoteOf,
  journal: {
    mustRefuse: false,
    start: () => undefined,
    record: () => undefined,
    payload: () => undefined,
    jobs: () => undefined,
  },
  drains: new Drains(),
  running: new RunningExchanges(),
  responses: {} as never,
  findRoute: (model) => routes.current.find(model),
  settle: (exchange, outcome) => {
    exchange.end ??= { outcome, tickMs: 0 };
    exchange.account ??= accountOf(exchange, quoteOf);
  },
};

const notCalledOff = new AbortController().signal;

async function run({ timeoutMs = 5_000, signal = notCalledOff } = {}): Promise<{
  readonly verdict: Verdict;
  readonly spends: readonly InternalSpend[];
}> {
  const spends: InternalSpend[] = [];
  const ask: Ask = ({ body, signal: callSignal, noteSpend }) =>
    askInternally(
      {
        caller: { tenantId: systemTenantId, keyId: "judge-acme", role: "inference", policies: [] },
        body,
        signal: callSignal,
        timeoutMs,
        noteSpend: (spend) => {
          spends.push(spend);
          noteSpend(spend);
        },
      },
      deps,
      systemClock,
    );
  const verdict = await judge(
    { evaluator: relevance, model: "judge", judged: anAnswer, ask, signal },
    { limits: modelLimits(), random: Math.random, nonce: freshNonce },
  );
  return { verdict, spends };
}

const usage = { prompt_tokens: 300, completion_tokens: 20, total_tokens: 320 };
const callNanoUsd = 300 * nanoUsdPer.input + 20 * nanoUsdPer.output;
const verdict = (label: string): Script =>
  whole(completion(JSON.stringify({ reason: "It is.", label }), { usage }));
const refuse = (status: number, error: object, headers: Record<string, string> = {}): Script =>
  whole(
    { error: { type: "invalid_request_error", param: null, code: null, ...error } },
    headers,
    status,
  );

test("a verdict comes through the gateway, with what its record says it cost", async () => {
  upstream.answer(verdict("4"));
  const { verdict: scored, spends } = await run();
  expect(scored).toMatchObject({
    kind: "scored",
    score: 0.75,
    label: "4",
    method: "single",
    spend: { calls: 1, nanoUsd: callNanoUsd, inputTokens: 300, outputTokens: 20 },
  });
  expect(spends).toHaveLength(1);
  expect(spends[0]?.requestId).toMatch(/^[0-9A-Z]{26}$/);
  expect(upstream.seen[0]?.json).toMatchObject({ model: "m", temperature: 0, logprobs: true });
});

test("log-probabilities come through the gateway as the provider told them", async () => {
  const tokens: readonly JsonObject[] = [
    token('{"reason":"r","label":"'),
    token("4", { "4": 0.5, "5": 0.5 }),
    token('"}'),
  ];
  const content = tokens.map((each) => String(each["token"])).join("");
  const choices = [
    {
      index: 0,
      message: { role: "assistant", content, refusal: null },
      logprobs: { content: tokens, refusal: null },
      finish_reason: "stop",
    },
  ];
  upstream.answer(whole(completion(content, { usage, choices })));
  expect((await run()).verdict).toMatchObject({ method: "logprobs", score: 0.875 });
});

test("a judge that writes prose is paid twice and believed once", async () => {
  upstream.answer((...call) =>
    upstream.seen.length === 1
      ? whole(completion("I give it 10/10.", { usage }))(...call)
      : verdict("2")(...call),
  );
  expect((await run()).verdict).toMatchObject({
    score: 0.25,
    isRepaired: true,
    spend: { calls: 2, nanoUsd: 2 * callNanoUsd },
  });
});

test("a refusal is no score, and is paid", async () => {
  const message = { role: "assistant", content: null, refusal: "I cannot." };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: "stop" }];
  upstream.answer(whole(completion("", { usage, choices })));
  expect((await run()).verdict).toMatchObject({
    failure: "refused",
    spend: { calls: 1, nanoUsd: callNanoUsd },
  });
});

test("the provider's 429 says when to come back", async () => {
  upstream.answer(refuse(429, { message: "Slow down." }, { "retry-after": "7" }));
  expect((await run()).verdict).toMatchObject({
    failure: "rate_limited",
    mayRetry: true,
    retryAfterMs: 7_000,
    spend: { calls: 1, nanoUsd: 0 },
  });
});

test("a provider that falls over may be asked again, one that refuses the key may not", async () => {
  upstream.answer(refuse(500, { message: "Oops." }));
  expect((await run()).verdict).toMatchObject({ failure: "upstream_error", mayRetry: true });
  upstream.answer(refuse(401, { message: "Wrong key." }));
  expect((await run()).verdict).toMatchObject({ failure: "bad_request", mayRetry: false });
});

test("parameters that the model does not take are left out", async () => {
  upstream.answer((response, request, socket) => {
    const { json = {} } = request;
    if ("max_tokens" in json) {
      const message = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.";
      return refuse(400, { message, param: "max_tokens" })(response, request, socket);
    }
    if ("logprobs" in json) {
      const message = "You are not allowed to request logprobs from this model";
      return refuse(403, { message })(response, request, socket);
    }
    return verdict("5")(response, request, socket);
  });
  expect((await run()).verdict).toMatchObject({
    score: 1,
    spend: { calls: 3, nanoUsd: callNanoUsd },
  });
});

test("a judge that says nothing is a time-out, and may be asked again", async () => {
  upstream.answer(() => undefined);
  expect((await run({ timeoutMs: 50 })).verdict).toMatchObject({
    failure: "timeout",
    mayRetry: true,
  });
});

test("whoever calls it off ends the provider's work", async () => {
  const giveUp = new AbortController();
  upstream.answer(() => {
    giveUp.abort(new Error("The lease was lost."));
  });
  const { verdict: failed, spends } = await run({ signal: giveUp.signal });
  expect(failed).toMatchObject({ failure: "timeout", mayRetry: true });
  expect(spends).toHaveLength(1);
});
