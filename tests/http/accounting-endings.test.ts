import type { ServerResponse } from "node:http";

import { describe, expect, test } from "vitest";

import { untilNothingRuns } from "../support/admin-client.ts";
import { booksAgree, report } from "../support/books-agree.ts";
import type { UsageReport } from "../support/books-agree.ts";
import { startGateway, until } from "../support/gateway.ts";
import { impatient, yamlOf } from "../support/one-upstream.ts";
import {
  nanoUsdPer,
  priceOfM,
  sharePricedUpstream,
  newTenant,
} from "../support/priced-upstream.ts";
import type { TestTenant } from "../support/priced-upstream.ts";
import {
  chatChunk,
  completion,
  done,
  startScriptedUpstream,
  usageChunk,
  whole,
} from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";
import { tempFolder } from "../support/temp-folder.ts";

const alias = (fields: object) => ({ targets: [{ provider: "test", model: "m" }], ...fields });
const drainTokens = 50;
const models = {
  drained: alias({ on_disconnect: "drain", drain_tokens: drainTokens }),
  impatient: alias({ deadlines: { first_byte_ms: 100 } }),
};
const plane = await sharePricedUpstream({ yaml: { models } });

const usage = { prompt_tokens: 100, completion_tokens: 40, total_tokens: 140 };
const usageNanoUsd = 100 * nanoUsdPer.input + 40 * nanoUsdPer.output;
const sse = { "content-type": "text/event-stream" } as const;

/** An upstream whose answers the test writes itself. */
function held(): { readonly script: Script; readonly answers: ServerResponse[] } {
  const answers: ServerResponse[] = [];
  return { script: (response) => void answers.push(response), answers };
}

const words = "one two three four";
/** By the tokenizer, and as they are guessed from their bytes until it is loaded. */
const deliveredTokens = expect.toBeOneOf([4, 5]) as number;

/** A client of `model` has got these words of a stream, which goes on. */
async function streaming(tenant: TestTenant, fields: object) {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const client = tenant.rawChat({ stream: true, ...fields });
  await until("the provider is asked", () => answers.length === 1);
  const [answer] = answers as [ServerResponse];
  answer.writeHead(200, sse).write(chatChunk({ content: words }));
  await until("the words are there", () => client.received.includes(words));
  return { client, answer };
}

const isNobodyAsked = () => plane.upstream.openCount === 0;

describe("a client who leaves", () => {
  test("in the middle of a stream pays for what was delivered, as an estimate", async () => {
    const tenant = await plane.newTenant();
    const { client } = await streaming(tenant, {});
    client.socket.destroy();
    await until("the provider's work is over", isNobodyAsked);
    const [record] = await tenant.booksAgree(1);
    expect(record).toMatchObject({
      status: 499,
      outcome: "client_closed_request",
      cost_status: "estimated",
      usage: { source: "estimated", output_tokens: deliveredTokens },
    });
    const input = record?.usage?.input_tokens ?? 0;
    expect(input).toBeGreaterThan(0);
    const output = record?.usage?.output_tokens ?? 0;
    expect(record?.cost_nano_usd).toBe(input * nanoUsdPer.input + output * nanoUsdPer.output);
  });

  test("before the answer's headers pays for the prompt, as an estimate", async () => {
    const tenant = await plane.newTenant();
    for (const isStream of [false, true]) {
      const { script, answers } = held();
      plane.upstream.answer(script);
      const client = tenant.rawChat({ stream: isStream });
      await until("the provider is asked", () => answers.length === 1);
      client.socket.destroy();
      await until("the provider's work is over", isNobodyAsked);
    }
    const records = await tenant.booksAgree(2);
    for (const record of records) {
      expect(record).toMatchObject({
        outcome: "client_closed_request",
        cost_status: "estimated",
        usage: { source: "estimated", output_tokens: 0 },
        attempts: [{ error_kind: "client_closed_request" }],
      });
      expect(record.cost_nano_usd).toBeGreaterThan(0);
    }
  });

  test("is billed exactly where the route reads on, however late the provider counts", async () => {
    const tenant = await plane.newTenant();
    const { client, answer } = await streaming(tenant, { model: "drained" });
    client.socket.destroy();
    await until("the client is known to have left", () => client.isClosed);
    answer.write(chatChunk({ content: " five" }, "stop"));
    answer.end(usageChunk(usage) + done);
    const [record] = await tenant.booksAgree(1);
    expect(record).toMatchObject({
      status: 499,
      outcome: "client_closed_request",
      cost_nano_usd: usageNanoUsd,
      cost_status: "exact",
      usage: { source: "provider", output_tokens: 40 },
    });
  });

  test("is billed exactly where all that was missing of the stream was its end", async () => {
    for (const model of ["drained", "m"]) {
      const tenant = await plane.newTenant();
      const { client, answer } = await streaming(tenant, { model });
      // What is written first is read first: the end is in the gateway's buffers when it hears of the client.
      answer.end(chatChunk({}, "stop") + usageChunk(usage) + done);
      client.socket.resetAndDestroy();
      const [record] = await tenant.booksAgree(1);
      if (record?.outcome === "ok" || model === "drained") {
        expect(record).toMatchObject({ cost_nano_usd: usageNanoUsd, cost_status: "exact" });
      } else expect(record).toMatchObject({ cost_status: "estimated" });
    }
  });

  test("is billed exactly for a whole answer that the route waits for", async () => {
    const tenant = await plane.newTenant();
    const { script, answers } = held();
    plane.upstream.answer(script);
    const client = tenant.rawChat({ model: "drained" });
    await until("the provider is asked", () => answers.length === 1);
    client.socket.destroy();
    await until("nothing is counted as running", () => client.isClosed);
    expect(plane.upstream.openCount).toBe(1);
    await whole(completion("Hello", { usage }))(
      answers[0] as ServerResponse,
      plane.upstream.seen[0] as never,
      client.socket,
    );
    const [record] = await tenant.booksAgree(1);
    expect(record).toMatchObject({
      outcome: "client_closed_request",
      cost_nano_usd: usageNanoUsd,
      cost_status: "exact",
    });
  });

  test("has an endless stream read on to the route's bound and no further", async () => {
    const tenant = await plane.newTenant();
    const { client, answer } = await streaming(tenant, { model: "drained" });
    client.socket.destroy();
    await until("the client is known to have left", () => client.isClosed);
    const more = setInterval(() => answer.write(chatChunk({ content: " word word" })), 1);
    await until("the provider's work is over", isNobodyAsked);
    clearInterval(more);
    const [record] = await tenant.booksAgree(1);
    expect(record).toMatchObject({ outcome: "client_closed_request", cost_status: "estimated" });
    expect(record?.usage?.output_tokens).toBeGreaterThan(drainTokens / 2);
    expect(record?.usage?.output_tokens).toBeLessThan(drainTokens * 3);
  });

  test("has an answer that breaks off while it is read on billed as an estimate, once", async () => {
    const tenant = await plane.newTenant();
    const { client, answer } = await streaming(tenant, { model: "drained" });
    client.socket.destroy();
    await until("the client is known to have left", () => client.isClosed);
    answer.write(chatChunk({ content: " five" }));
    answer.destroy();
    const [record] = await tenant.booksAgree(1);
    expect(record).toMatchObject({ outcome: "client_closed_request", cost_status: "estimated" });
  });
});

test("what is read on for clients who left ends at shutdown, and is in the books at the next start", async () => {
  const { script, answers } = held();
  await using upstream = await startScriptedUpstream(script);
  await using folder = await tempFolder();
  const env = { SENTINEL_DATA_DIR: folder.path, SENTINEL_DRAIN_TIMEOUT_MS: "2000" };
  const test = { type: "openai", base_url: upstream.baseUrl, models: ["m"], api_keys: ["sk"] };
  const yaml = yamlOf({ providers: { test }, prices: { test: { m: priceOfM } }, models });
  let tenant: TestTenant;
  {
    await using gateway = await startGateway({ env, yaml });
    tenant = await newTenant(gateway);
    const client = tenant.rawChat({ model: "drained", stream: true });
    await until("the provider is asked", () => answers.length === 1);
    answers[0]?.writeHead(200, sse).write(chatChunk({ content: words }));
    await until("the words are there", () => client.received.includes(words));
    client.socket.destroy();
    await untilNothingRuns(gateway);
    expect(upstream.openCount).toBe(1);
    const startedMs = performance.now();
    await gateway.close();
    expect(performance.now() - startedMs).toBeLessThan(1_500);
    await until("the provider's work is over", () => upstream.openCount === 0);
  }
  await using gateway = await startGateway({ env, yaml });
  const [record] = await booksAgree(gateway, { count: 1, tenant: tenant.id });
  expect(record).toMatchObject({
    outcome: "client_closed_request",
    cost_status: "estimated",
    usage: { output_tokens: deliveredTokens },
  });
});

describe("a provider that fails", () => {
  test("in the middle of a stream leaves one record, with what was delivered as an estimate", async () => {
    const tenant = await plane.newTenant();
    plane.upstream.answer((response, _request, socket) => {
      response.writeHead(200, sse);
      response.write(chatChunk({ content: words }), () => socket.destroy());
    });
    const got = readStream(await tenant.chat({ stream: true }));
    expect(await got.toEnd()).toBe("cut");
    const [record] = await tenant.booksAgree(1);
    expect(record).toMatchObject({
      outcome: "upstream_error",
      cost_status: "estimated",
      usage: { source: "estimated", output_tokens: deliveredTokens },
    });
  });

  test("in time is billed nothing, and its attempt says which deadline it was", async () => {
    const tenant = await plane.newTenant();
    plane.upstream.answer(() => undefined);
    const got = await tenant.chat({ model: "impatient" });
    expect(got.status).toBe(504);
    await got.text();
    const [record] = await tenant.booksAgree(1);
    expect(record).toMatchObject({
      status: 504,
      outcome: "upstream_timeout",
      attempts: [{ error_kind: "upstream_timeout", provider: "test", model: "m" }],
    });
  });

  test("with a 4xx costs nothing and is in the books with its status", async () => {
    const tenant = await plane.newTenant();
    const error = { message: "no", type: "invalid_request_error", param: "seed", code: "bad" };
    plane.upstream.answer(whole({ error }, {}, 400));
    const got = await tenant.chat();
    expect(got.status).toBe(400);
    await got.text();
    const [record] = await tenant.booksAgree(1);
    expect(record).toMatchObject({
      status: 400,
      error: { code: "bad", param: "seed" },
      attempts: [{ status: 400, usage: null, cost_nano_usd: 0 }],
      usage: null,
      cost_nano_usd: 0,
      cost_status: "exact",
    });
  });
});

test("a request whose provider is taken out of the configuration meanwhile is billed by its price", async () => {
  await using upstream = await startScriptedUpstream();
  const stays = {
    type: "openai",
    base_url: upstream.baseUrl,
    models: ["other"],
  };
  const leaves = { ...stays, models: ["m"] };
  await using gateway = await startGateway({
    env: impatient,
    yaml: yamlOf({ providers: { stays, leaves }, prices: { leaves: { m: priceOfM } } }),
  });
  const tenant = await newTenant(gateway);
  const { script, answers } = held();
  upstream.answer(script);
  const asked = tenant.chat();
  await until("the provider is asked", () => answers.length === 1);
  await gateway.reload(yamlOf({ providers: { stays } }));
  const [answer] = answers as [ServerResponse];
  answer.writeHead(200, { "content-type": "application/json" });
  answer.end(JSON.stringify(completion(words, { usage })));
  const got = await asked;
  expect(got.status).toBe(200);
  await got.text();
  const [record] = await tenant.booksAgree(1);
  expect(record).toMatchObject({ cost_nano_usd: usageNanoUsd, cost_status: "exact" });
});

test("a model that nobody has is in the audit, and the ledger does not learn its name", async () => {
  const tenant = await plane.newTenant();
  const got = await tenant.chat({ model: "made-up-by-a-client" });
  expect(got.status).toBe(404);
  await got.text();
  const [record] = await tenant.booksAgree(1);
  expect(record).toMatchObject({
    model: "made-up-by-a-client",
    outcome: "model_not_found",
    route: null,
    attempts: [],
    provider: null,
    cost_nano_usd: 0,
    cost_status: "exact",
  });
  const path = `/v1/usage?tenant=${tenant.id}&group_by=model`;
  const { data } = await report<UsageReport>(plane.gateway, path);
  expect(data.map(({ model }) => model)).toEqual(["_unknown"]);
});

test("failed attempts and the fallback that served are one record, and their costs are its cost", async () => {
  // It has counted its tokens, and what it sends cannot be passed on: it is paid for all the same.
  const paid = { choices: "none", usage };
  const busy = whole({ error: { message: "busy" } }, { "retry-after-ms": "1" }, 503);
  await using first = await startScriptedUpstream(busy);
  await using second = await startScriptedUpstream(whole(completion("Hello", { usage })));
  const provider = ({ baseUrl }: { baseUrl: string }) => ({
    type: "openai-compatible",
    base_url: baseUrl,
    models: ["m"],
  });
  await using gateway = await startGateway({
    env: impatient,
    yaml: yamlOf({
      providers: { first: provider(first), second: provider(second) },
      prices: { first: { m: priceOfM }, second: { m: priceOfM } },
      models: {
        fast: {
          retries: 1,
          targets: [
            { provider: "first", model: "m" },
            { provider: "second", model: "m" },
          ],
        },
      },
    }),
  });
  const tenant = await newTenant(gateway);
  const got = await tenant.chat({ model: "fast" });
  expect(got.status).toBe(200);
  expect(got.headers.get("x-sentinel-attempts")).toBe("3");
  await got.text();
  first.answer(whole(paid));
  const again = await tenant.chat({ model: "fast" });
  await again.text();
  const [newest, oldest] = await tenant.booksAgree(2);
  expect(oldest).toMatchObject({
    provider: "second",
    outcome: "ok",
    route: { name: "fast", candidates: ["first/m", "second/m"] },
    cost_nano_usd: usageNanoUsd,
    cost_status: "exact",
  });
  expect(oldest?.attempts.map(({ provider: name, status }) => [name, status])).toEqual([
    ["first", 502],
    ["first", 502],
    ["second", 200],
  ]);
  expect(again.headers.get("x-sentinel-cost-usd")).toBe(newest?.cost_usd);
});

test("a target that did not answer in time is billed its prompt, and nothing of what the next one wrote", async () => {
  await using silent = await startScriptedUpstream(() => undefined);
  await using second = await startScriptedUpstream();
  const provider = ({ baseUrl }: { baseUrl: string }) => ({
    type: "openai",
    base_url: baseUrl,
    models: ["m"],
  });
  const targets = ["silent", "second"].map((name) => ({ provider: name, model: "m" }));
  await using gateway = await startGateway({
    env: impatient,
    yaml: yamlOf({
      providers: { silent: provider(silent), second: provider(second) },
      prices: { silent: { m: priceOfM }, second: { m: priceOfM } },
      models: { fast: { targets, deadlines: { first_byte_ms: 100 } } },
    }),
  });
  const tenant = await newTenant(gateway);
  const answers: Readonly<Record<"whole" | "streamed", Script>> = {
    whole: whole(completion(words, { usage })),
    streamed: (response) => {
      response.writeHead(200, sse);
      response.end(chatChunk({ content: words }, "stop") + usageChunk(usage) + done);
    },
  };
  for (const [kind, script] of Object.entries(answers)) {
    second.answer(script);
    const got = await tenant.chat({ model: "fast", stream: kind === "streamed" });
    expect(got.status).toBe(200);
    await got.text();
  }
  for (const { attempts, cost_nano_usd: cost } of await tenant.booksAgree(2)) {
    expect(attempts).toMatchObject([
      { provider: "silent", usage: { source: "estimated", output_tokens: 0 } },
      { provider: "second", usage: { source: "provider", output_tokens: 40 } },
    ]);
    const promptTokens = attempts[0]?.usage?.input_tokens ?? 0;
    expect(promptTokens).toBeGreaterThan(0);
    expect(cost).toBe(usageNanoUsd + promptTokens * nanoUsdPer.input);
  }
});
