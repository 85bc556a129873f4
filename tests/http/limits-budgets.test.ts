import type { ServerResponse } from "node:http";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { RateLimitError } from "openai";
import { describe, expect, test } from "vitest";

import { admin } from "../support/admin-client.ts";
import { booksAgree } from "../support/books-agree.ts";
import { startGateway, until } from "../support/gateway.ts";
import { impatient, messages, yamlOf } from "../support/one-upstream.ts";
import { rejection } from "../support/openai-error.ts";
import {
  nanoUsdPer,
  newTenant,
  priceOfM,
  sharePricedUpstream,
} from "../support/priced-upstream.ts";
import {
  chatChunk,
  completion,
  startScriptedUpstream,
  whole,
} from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { chunksOf, readStream } from "../support/stream-client.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { startWebhookReceiver } from "../support/webhook-receiver.ts";

const plane = await sharePricedUpstream();

/** Costs $0.0003. */
const usage = { prompt_tokens: 50, completion_tokens: 10, total_tokens: 60 };
const costNanoUsd = 50 * nanoUsdPer.input + 10 * nanoUsdPer.output;
const answered = whole(completion("Hello", { usage }));
/** What a request reserves by it is a little more than it costs. */
const fields = { max_tokens: 20 };

const budget = (limitUsd: string, more: object = {}) => ({
  budgets: [{ period: "day", limit_usd: limitUsd, ...more }],
});

/** The statuses of so many chats, one after the other. */
async function statusesOf(chat: () => Promise<Response>, count: number): Promise<number[]> {
  const statuses = [];
  for (let asked = 0; asked < count; asked++) {
    const answer = await chat();
    await answer.arrayBuffer();
    statuses.push(answer.status);
  }
  return statuses;
}

describe("a hard budget", () => {
  const periods = ["day", "week", "month", "total"].flatMap((period) => [
    [period, "policy"],
    [period, "keyPolicy"],
  ]);

  test.each(periods)(
    "for the %s, in the %s, refuses what no longer fits",
    async (period, where) => {
      plane.upstream.answer(answered);
      const tenant = await plane.newTenant({ [where]: budget("0.001", { period }) });
      plane.upstream.forget();
      const statuses = await statusesOf(() => tenant.chat(fields), 4);
      expect(statuses).toEqual([200, 200, 429, 429]);
      expect(plane.upstream.seen).toHaveLength(2);
      const records = await tenant.booksAgree(4);
      expect(records[0]).toMatchObject({
        status: 429,
        outcome: "budget_exceeded",
        error: { code: "budget_exceeded", param: null },
        attempts: [],
        cost_nano_usd: 0,
        cost_status: "exact",
      });
      expect(records.at(-1)?.limits?.reserved_nano_usd).toBeGreaterThan(costNanoUsd);
    },
  );

  test("says what is spent, of how much and when it resets, and official clients do not try again", async () => {
    plane.upstream.answer(answered);
    const tenant = await plane.newTenant({ policy: budget("0.0007") });
    expect(await statusesOf(() => tenant.chat(fields), 1)).toEqual([200]);
    plane.upstream.forget();
    const client = new OpenAI({
      baseURL: `${plane.gateway.url}/v1`,
      apiKey: tenant.key,
      maxRetries: 3,
    });
    const asked = { model: "m", messages: [...messages], max_tokens: 1_000 };
    const error = await rejection(client.chat.completions.create(asked));
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ code: "budget_exceeded", type: "insufficient_quota" });
    expect(error.headers?.get("x-should-retry")).toBe("false");
    expect(error.message).toMatch(
      /The daily budget of your tenant has no room for this request: \$0\.0003 of \$0\.0007 is spent\. It resets on \d{4}-\d\d-\d\d at 00:00 UTC\./,
    );
    const claude = new Anthropic({
      baseURL: plane.gateway.url,
      apiKey: tenant.key,
      maxRetries: 3,
    });
    const message = claude.messages.create({
      model: "m",
      max_tokens: 1_000,
      messages: [{ role: "user", content: "Hi" }],
    });
    await expect(message).rejects.toBeInstanceOf(Anthropic.RateLimitError);
    expect(plane.upstream.seen).toHaveLength(0);
    // Nobody tried again: one record each.
    await tenant.booksAgree(3);
  });

  test("is overshot by a whole answer that outgrows its reservation, and that counts", async () => {
    const large = { prompt_tokens: 50, completion_tokens: 500, total_tokens: 550 };
    plane.upstream.answer(whole(completion("Hello", { usage: large })));
    const tenant = await plane.newTenant({ policy: budget("0.001") });
    expect(await statusesOf(() => tenant.chat(fields), 2)).toEqual([200, 429]);
    const refused = await tenant.chat(fields);
    expect(await refused.text()).toContain("$0.00765 of $0.001 is spent");
    const records = await tenant.booksAgree(3);
    expect(records.at(-1)).toMatchObject({ cost_nano_usd: 7_650_000, cost_status: "exact" });
  });

  test("has what a dearer tier costs set aside for a request that asks for it", async () => {
    const multipliers = { priority: 2, flex: 0.5 };
    await admin(plane.gateway, "PUT /prices/test/untold", { ...priceOfM, multipliers });
    plane.upstream.answer(answered);
    const reserved: number[] = [];
    for (const tier of ["default", "flex", "priority"]) {
      const tenant = await plane.newTenant({ policy: budget("1") });
      await statusesOf(() => tenant.chat({ ...fields, model: "untold", service_tier: tier }), 1);
      const [record] = await tenant.booksAgree(1);
      reserved.push(record?.limits?.reserved_nano_usd ?? 0);
    }
    await admin(plane.gateway, "DELETE /prices/test/untold");
    const parts = reserved.map((nanoUsd) => nanoUsd / (reserved[0] ?? 0));
    // The word itself is a little of the prompt.
    expect(parts).toEqual([1, expect.closeTo(1, 1), expect.closeTo(2, 1)]);
  });

  test("holds among many at once: no more is admitted than there is room for", async () => {
    const release: (() => void)[] = [];
    plane.upstream.answer((response, request, socket) => {
      release.push(() => void answered(response, request, socket));
    });
    const tenant = await plane.newTenant({ keyPolicy: budget("0.01") });
    let refusedCount = 0;
    const ask = async (): Promise<void> => {
      const answer = await tenant.chat(fields);
      await answer.arrayBuffer();
      if (answer.status === 429) refusedCount++;
    };
    const asking = Array.from({ length: 300 }, ask);
    await until("all are asked or refused", () => refusedCount + release.length === 300);
    const admitted = release.length;
    for (const answer of release) answer();
    await Promise.all(asking);
    const records = await tenant.booksAgree(300);
    const reserved = records.find(({ outcome }) => outcome === "ok")?.limits?.reserved_nano_usd;
    expect(admitted).toBe(Math.floor(10_000_000 / (reserved ?? 0)));
    plane.upstream.answer(answered);
    // What was held is given back: there is room again, for as much as was not spent.
    expect(await statusesOf(() => tenant.chat(fields), 1)).toEqual([200]);
  });

  test("leaves a model whose price nobody knows to those whose policy allows it", async () => {
    plane.upstream.answer(answered);
    const tenant = await plane.newTenant({ policy: budget("1") });
    const refused = await tenant.chat({ model: "untold" });
    expect(refused.status).toBe(403);
    const { error } = (await refused.json()) as { error: Record<string, unknown> };
    expect(error).toMatchObject({ code: "model_not_allowed", param: "model" });
    expect(error["message"]).toMatch(
      /^The price of test\/untold is not known, and this key's budget could not count it\. Ask /,
    );
    await admin(plane.gateway, `PATCH /tenants/${tenant.id}`, {
      policy: { ...budget("1"), unpriced_models: "allow" },
    });
    expect(await statusesOf(() => tenant.chat({ model: "untold" }), 1)).toEqual([200]);
    const records = await tenant.booksAgree(2);
    expect(records.map(({ cost_status: status }) => status)).toEqual(["unpriced", "exact"]);
  });

  test("that is raised through the admin API lets the next request through", async () => {
    plane.upstream.answer(answered);
    const tenant = await plane.newTenant({ policy: budget("0.0005") });
    expect(await statusesOf(() => tenant.chat(fields), 2)).toEqual([200, 429]);
    await admin(plane.gateway, `PATCH /tenants/${tenant.id}`, { policy: budget("0.001") });
    expect(await statusesOf(() => tenant.chat(fields), 2)).toEqual([200, 429]);
    await tenant.booksAgree(4);
  });

  test("that is set later counts what was spent before it", async () => {
    plane.upstream.answer(answered);
    const tenant = await plane.newTenant();
    expect(await statusesOf(() => tenant.chat(fields), 2)).toEqual([200, 200]);
    await admin(plane.gateway, `PATCH /keys/${tenant.keyId}`, { policy: budget("0.0006") });
    expect(await statusesOf(() => tenant.chat(fields), 1)).toEqual([429]);
  });
});

describe("a stream that reaches the cap of a hard budget", () => {
  const limitNanoUsd = 20_000_000;
  const tenWords = "one two three four five six seven eight nine ten ";
  const tenCharacters = "人工智能正在改变世界";
  /** Writes for as long as anyone listens, one event after the other. */
  const endless =
    (content: string): Script =>
    (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const more = (): void => {
        if (response.destroyed) return;
        response.write(chatChunk({ content }), () => setImmediate(more));
      };
      more();
    };

  test.each([
    ["English", tenWords],
    ["Chinese, which makes more tokens of each character", tenCharacters],
  ])(
    "ends with an error event and a cut connection, and what was delivered is billed: %s",
    async (_language, content) => {
      plane.upstream.answer(endless(content));
      const tenant = await plane.newTenant({ policy: budget("0.02") });
      const client = readStream(await tenant.chat({ ...fields, stream: true }));
      expect(await client.toEnd()).toBe("cut");
      expect(client.text).not.toContain("[DONE]");
      const last = chunksOf(client.data).at(-1);
      expect(last?.error).toMatchObject({ type: "insufficient_quota", code: "budget_exceeded" });
      await until("the provider's work is over", () => plane.upstream.openCount === 0);
      const [record] = await tenant.booksAgree(1);
      expect(record).toMatchObject({ outcome: "budget_exceeded", cost_status: "estimated" });
      // The guard goes by a rule of thumb, the bill by a tokenizer.
      expect(record?.cost_nano_usd).toBeGreaterThan(limitNanoUsd * 0.6);
      expect(record?.cost_nano_usd).toBeLessThan(limitNanoUsd * 1.1);
    },
  );

  test("ends also where each batch of it is more than was asked for at a time", async () => {
    const answers: ServerResponse[] = [];
    plane.upstream.answer((response) => void answers.push(response));
    const tenant = await plane.newTenant({ policy: budget("0.02") });
    const asked = tenant.chat({ ...fields, stream: true });
    await until("the provider is asked", () => answers.length === 1);
    const [answer] = answers as [ServerResponse];
    answer.writeHead(200, { "content-type": "text/event-stream" });
    const third = limitNanoUsd / nanoUsdPer.output / 3;
    const batch = (name: string) => chatChunk({ content: tenWords.repeat(third / 10) + name });
    answer.write(batch("first"));
    const client = readStream(await asked);
    await client.untilText("first");
    answer.write(batch("second"));
    await client.untilText("second");
    answer.write(batch("third"));
    expect(await client.toEnd()).toBe("cut");
    const [record] = await tenant.booksAgree(1);
    expect(record).toMatchObject({ outcome: "budget_exceeded" });
  });

  test("tells Anthropic's clients in their own words", async () => {
    plane.upstream.answer(endless(tenWords));
    const tenant = await plane.newTenant({ policy: budget("0.002") });
    const body = { model: "m", max_tokens: 20, messages, stream: true };
    const client = readStream(await tenant.post("/v1/messages", body));
    expect(await client.toEnd()).toBe("cut");
    expect(client.text).not.toContain("message_stop");
    expect(client.text).toMatch(/event: error\ndata: \{"type":"error"/);
    const [record] = await tenant.booksAgree(1);
    expect(record).toMatchObject({ endpoint: "messages", outcome: "budget_exceeded" });
  });

  test("is not one that costs nothing known, though others have gone beyond the budget meanwhile", async () => {
    const answers: ServerResponse[] = [];
    plane.upstream.answer((response) => void answers.push(response));
    const tenant = await plane.newTenant({
      policy: { ...budget("0.001"), unpriced_models: "allow" },
    });
    const asked = tenant.chat({ model: "untold", stream: true });
    await until("the provider is asked", () => answers.length === 1);
    const [answer] = answers as [ServerResponse];
    answer.writeHead(200, { "content-type": "text/event-stream" });
    answer.write(chatChunk({ content: tenWords }));
    const client = readStream(await asked);
    await client.untilText(tenWords);
    const large = { prompt_tokens: 50, completion_tokens: 500, total_tokens: 550 };
    plane.upstream.answer(whole(completion("Hello", { usage: large })));
    expect(await statusesOf(() => tenant.chat(fields), 2)).toEqual([200, 429]);
    answer.write(chatChunk({ content: "eleven" }));
    await client.untilText("eleven");
    answer.end(chatChunk({}, "stop") + "data: [DONE]\n\n");
    expect(await client.toEnd()).toBe("whole");
    const records = await tenant.booksAgree(3);
    expect(records.at(-1)).toMatchObject({ outcome: "ok", cost_status: "unpriced" });
  });

  test("goes on beyond its reservation while the budget has room", async () => {
    const usageOfAll = { prompt_tokens: 50, completion_tokens: 200, total_tokens: 250 };
    plane.upstream.answer((response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let count = 0; count < 20; count++) response.write(chatChunk({ content: tenWords }));
      response.end(chatChunk({}, "stop", { usage: usageOfAll }) + "data: [DONE]\n\n");
    });
    const tenant = await plane.newTenant({ policy: budget("0.01") });
    const client = readStream(await tenant.chat({ ...fields, stream: true }));
    expect(await client.toEnd()).toBe("whole");
    const [record] = await tenant.booksAgree(1);
    expect(record).toMatchObject({ outcome: "ok", cost_status: "exact" });
    expect(record?.cost_nano_usd).toBeGreaterThan(record?.limits?.reserved_nano_usd ?? 0);
  });
});

describe("alerts", () => {
  test("a soft budget refuses nothing and calls the webhook once for each threshold", async () => {
    plane.upstream.answer(answered);
    await using receiver = await startWebhookReceiver();
    const tenant = await plane.newTenant({
      policy: {
        ...budget("0.001", { kind: "soft", alert_at_percent: [50, 100] }),
        budget_webhook_url: receiver.url,
      },
    });
    expect(await statusesOf(() => tenant.chat(fields), 2)).toEqual([200, 200]);
    await until("the first threshold is told", () => receiver.received.length === 1);
    expect(await statusesOf(() => tenant.chat(fields), 4)).toEqual([200, 200, 200, 200]);
    await until("the second threshold is told", () => receiver.received.length === 2);
    await Promise.all(Array.from({ length: 20 }, () => statusesOf(() => tenant.chat(fields), 1)));
    await tenant.booksAgree(26);
    expect(receiver.received).toHaveLength(2);
    const told = receiver.received.map(({ json }) => json.sentinel);
    expect(told).toMatchObject([
      { tenant: tenant.id, percent: 50 },
      { tenant: tenant.id, percent: 100 },
    ]);
    expect(receiver.received[0]?.json.text).toContain("$");
  });

  test("a webhook that is slow or down holds nobody up", async () => {
    plane.upstream.answer(answered);
    await using receiver = await startWebhookReceiver();
    receiver.answer(() => undefined);
    const policy = {
      ...budget("0.0004", { kind: "soft", alert_at_percent: [50] }),
      budget_webhook_url: receiver.url,
    };
    const tenant = await plane.newTenant({ policy });
    expect(await statusesOf(() => tenant.chat(fields), 1)).toEqual([200]);
    await until("the webhook is called", () => receiver.received.length === 1);
    const startedMs = performance.now();
    expect(await statusesOf(() => tenant.chat(fields), 3)).toEqual([200, 200, 200]);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });
});

test("what budgets have spent outlives a restart", async () => {
  await using upstream = await startScriptedUpstream(answered);
  await using folder = await tempFolder();
  const env = { ...impatient, SENTINEL_DATA_DIR: folder.path };
  const test = { type: "openai", base_url: upstream.baseUrl, models: ["m"], api_keys: ["sk"] };
  const yaml = yamlOf({ providers: { test }, prices: { test: { m: priceOfM } } });
  let gateway = await startGateway({ env, yaml });
  const tenant = await newTenant(gateway, { policy: budget("0.0013"), keyPolicy: budget("0.01") });
  const { id, key } = tenant;
  expect(await statusesOf(() => tenant.chat(fields), 2)).toEqual([200, 200]);
  await gateway.close();
  gateway = await startGateway({ env, yaml });
  try {
    const chat = () =>
      gateway.post(
        "/v1/chat/completions",
        { model: "m", messages, ...fields },
        { authorization: `Bearer ${key}` },
      );
    expect(await statusesOf(chat, 1)).toEqual([200]);
    const refused = await chat();
    expect(refused.status).toBe(429);
    expect(await refused.text()).toContain("$0.0009 of $0.0013 is spent");
    await booksAgree(gateway, { count: 4, tenant: id });
  } finally {
    await gateway.close();
  }
});
