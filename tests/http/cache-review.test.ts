import type { ServerResponse } from "node:http";

import { describe, expect, test } from "vitest";

import { admin, inflightCount, makeKey } from "../support/admin-client.ts";
import { booksAgree } from "../support/books-agree.ts";
import { startGateway, until } from "../support/gateway.ts";
import { yamlOf } from "../support/one-upstream.ts";
import {
  nanoUsdPer,
  newTenant,
  priceOfM,
  sharePricedUpstream,
} from "../support/priced-upstream.ts";
import { untilTrue } from "../support/redis.ts";
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
import type { StreamClient } from "../support/stream-client.ts";
import { tempFolder } from "../support/temp-folder.ts";

const models = {
  drained: {
    targets: [{ provider: "test", model: "m" }],
    on_disconnect: "drain",
    drain_tokens: 50,
  },
};
const plane = await sharePricedUpstream({ yaml: { models } });
const usage = { prompt_tokens: 100, completion_tokens: 40, total_tokens: 140 };
const usageNanoUsd = 100 * nanoUsdPer.input + 40 * nanoUsdPer.output;
const sse = { "content-type": "text/event-stream" } as const;
const sure = { temperature: 0 };

/** An upstream whose answers the test writes itself. */
function held(): { readonly script: Script; readonly answers: ServerResponse[] } {
  const answers: ServerResponse[] = [];
  return { script: (response) => void answers.push(response), answers };
}

function first<Item>(items: readonly Item[]): Item {
  const [item] = items;
  if (item === undefined) throw new Error("there is none");
  return item;
}

async function untilRunning(count: number): Promise<void> {
  while ((await inflightCount(plane.gateway)) !== count);
}

describe("where a route reads on for clients who left", () => {
  test("a stream that may be cached is read on too, and billed exactly", async () => {
    const tenant = await plane.newTenant();
    const { script, answers } = held();
    plane.upstream.answer(script);
    const client = tenant.rawChat({ ...sure, stream: true, model: "drained" });
    await until("the provider is asked", () => answers.length === 1);
    const answer = first(answers);
    answer.writeHead(200, sse).write(chatChunk({ content: "one two" }));
    await until("the words are there", () => client.received.includes("one two"));
    client.socket.destroy();
    await untilRunning(0);
    expect(plane.upstream.openCount).toBe(1);
    answer.write(chatChunk({ content: " three" }, "stop"));
    answer.end(usageChunk(usage) + done);
    const [record] = await tenant.booksAgree(1);
    expect(record).toMatchObject({
      status: 499,
      outcome: "client_closed_request",
      cost_nano_usd: usageNanoUsd,
      cost_status: "exact",
    });
    const again = await tenant.chat({ ...sure, stream: true, model: "drained" });
    expect(again.headers.get("x-sentinel-cache")).toBe("exact");
    expect(await again.text()).toContain(" three");
  });

  test("the last of several who leave has it read on, and the one who asked pays", async () => {
    const tenant = await plane.newTenant();
    const { script, answers } = held();
    plane.upstream.answer(script);
    const fields = { ...sure, stream: true, model: "drained" };
    const clients = [tenant.rawChat(fields)];
    await until("the provider is asked", () => answers.length === 1);
    const answer = first(answers);
    answer.writeHead(200, sse).write(chatChunk({ content: "one two" }));
    clients.push(tenant.rawChat(fields));
    await until("both have the words", () =>
      clients.every(({ received }) => received.includes("one two")),
    );
    for (const { socket } of clients) socket.destroy();
    await untilRunning(0);
    expect(plane.upstream.openCount).toBe(1);
    answer.write(chatChunk({ content: " three" }, "stop"));
    answer.end(usageChunk(usage) + done);
    const records = await tenant.booksAgree(2);
    expect(records.map(({ status }) => status)).toEqual([499, 499]);
    expect(records.map(({ cost_nano_usd: cost }) => cost).toSorted((a, b) => a - b)).toEqual([
      0,
      usageNanoUsd,
    ]);
  });

  test("a whole answer that nobody waits for any more is kept for the next", async () => {
    const tenant = await plane.newTenant();
    const { script, answers } = held();
    plane.upstream.answer(script);
    const client = tenant.rawChat({ ...sure, model: "drained" });
    await until("the provider is asked", () => answers.length === 1);
    client.socket.destroy();
    await untilRunning(0);
    first(answers)
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify(completion("for later", { usage })));
    const [record] = await tenant.booksAgree(1);
    expect(record).toMatchObject({ status: 499, cost_nano_usd: usageNanoUsd });
    const again = await tenant.chat({ ...sure, model: "drained" });
    expect(again.headers.get("x-sentinel-cache")).toBe("exact");
  });
});

test("at shutdown a shared stream ends for all who read it, and the books say why", async () => {
  const { script, answers } = held();
  await using upstream = await startScriptedUpstream(script);
  await using folder = await tempFolder();
  const env = {
    SENTINEL_CACHE: "on",
    SENTINEL_DATA_DIR: folder.path,
    SENTINEL_DRAIN_TIMEOUT_MS: "100",
  };
  const test = { type: "openai", base_url: upstream.baseUrl, models: ["m"], api_keys: ["sk"] };
  const yaml = yamlOf({ providers: { test }, prices: { test: { m: priceOfM } } });
  let tenantId: string;
  {
    await using gateway = await startGateway({ env, yaml });
    const tenant = await newTenant(gateway);
    tenantId = tenant.id;
    const readers: StreamClient[] = [];
    for (const seed of [1, 2]) {
      const fields = { ...sure, stream: true, seed };
      const leader = tenant.rawChat(fields);
      await until("the provider is asked", () => answers.length === seed);
      answers
        .at(-1)
        ?.writeHead(200, sse)
        .write(chatChunk({ content: "Hi" }));
      const reader = readStream(await tenant.chat(fields));
      await reader.untilText("Hi");
      readers.push(reader);
      if (seed === 2) leader.socket.destroy();
    }
    await gateway.close();
    for (const reader of readers) expect(await reader.toEnd()).toBe("cut");
  }
  await using gateway = await startGateway({ env, yaml });
  const records = await booksAgree(gateway, { count: 4, tenant: tenantId });
  expect(records.map(({ outcome }) => outcome).toSorted()).toEqual([
    "client_closed_request",
    "shutting_down",
    "shutting_down",
    "shutting_down",
  ]);
});

test("what a provider refuses of one for its own sake it does not refuse of the others", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const tenant = await plane.newTenant();
  const personal = tenant.chat({ ...sure, metadata: { too: "long" } });
  await until("the provider is asked", () => answers.length === 1);
  const plain = tenant.chat(sure);
  await untilRunning(2);
  plane.upstream.answer(whole(completion("for the other", { usage })));
  const error = { message: "No.", type: "invalid_request_error", code: "bad", param: null };
  first(answers)
    .writeHead(400, { "content-type": "application/json" })
    .end(JSON.stringify({ error }));
  expect((await personal).status).toBe(400);
  expect((await plain).status).toBe(200);
  await tenant.booksAgree(2);
});

test("a follower who asks in the place of one who failed did not take that time itself", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const tenant = await plane.newTenant();
  const leader = tenant.chat(sure);
  await until("the provider is asked", () => answers.length === 1);
  const follower = tenant.chat(sure);
  await untilRunning(2);
  const startedMs = performance.now();
  await until("some time has passed", () => performance.now() - startedMs > 300);
  plane.upstream.answer(whole(completion("second", { usage })));
  first(answers).writeHead(500).end();
  expect((await leader).status).toBe(502);
  const answer = await follower;
  expect(answer.headers.get("x-sentinel-cache")).toBe("miss");
  expect(Number(answer.headers.get("x-sentinel-overhead-ms"))).toBeLessThan(250);
});

test("a response from the cache names nobody else: what it repeats of its request is in its key", async () => {
  const tenant = await plane.newTenant();
  let count = 0;
  plane.upstream.answer((response, request, socket) => {
    const { metadata = {}, user = null } = request.json ?? {};
    const text = { type: "output_text", text: `answer ${++count}`, annotations: [] };
    return whole({
      id: `resp_${count}`,
      object: "response",
      status: "completed",
      store: false,
      metadata,
      user,
      output: [{ type: "message", id: "msg_1", role: "assistant", content: [text] }],
      usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2 },
    })(response, request, socket);
  });
  const ask = async (fields: object) => {
    const body = { model: "m", input: "Hi", store: false, temperature: 0, ...fields };
    const answer = await tenant.post("/v1/responses", body);
    return (await answer.json()) as Record<string, unknown>;
  };
  await ask({ metadata: { ticket: "1" }, user: "ann" });
  expect(await ask({ metadata: { ticket: "2" }, user: "bob" })).toMatchObject({
    metadata: { ticket: "2" },
    user: "bob",
  });
});

test("nobody can make a tenant, or a key, in whose books stands what Sentinel asks itself", async () => {
  const ask = (what: string, body: object) => admin(plane.gateway, what, body);
  await expect(ask("POST /tenants", { id: "sentinel", name: "mine" })).rejects.toThrow("409");
  await expect(
    ask("POST /keys", { tenant: "sentinel", name: "spy", role: "admin" }),
  ).rejects.toThrow("409");
});

test("a key's own budget ends its own streams alone, and nobody's who has money left", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const tenant = await plane.newTenant();
  const budgets = [{ period: "total", limit_usd: "0.003" }];
  const poor = await makeKey(plane.gateway, { tenant: tenant.id, policy: { budgets } });
  const fields = { ...sure, stream: true, max_tokens: 10 };
  const leading = tenant.chat(fields, { authorization: `Bearer ${poor.key}` });
  await until("the provider is asked", () => answers.length === 1);
  first(answers)
    .writeHead(200, sse)
    .write(chatChunk({ content: "Hi" }));
  const leader = readStream(await leading);
  const following = tenant.chat(fields);
  await until("each has asked for itself", () => answers.length === 2);
  const [poorAnswer, richAnswer] = answers;
  richAnswer?.writeHead(200, sse).write(chatChunk({ content: "Hi" }));
  const follower = readStream(await following);
  for (const answer of [poorAnswer, richAnswer]) {
    answer?.write(chatChunk({ content: "word ".repeat(2_000) }));
  }
  expect(await leader.toEnd()).toBe("cut");
  richAnswer?.end(chatChunk({}, "stop") + usageChunk(usage) + done);
  expect(await follower.toEnd()).toBe("whole");
  await tenant.booksAgree(2);
});

test("a follower's headers wait no longer for the first event than anybody's", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const tenant = await plane.newTenant();
  const asking = [tenant.chat({ ...sure, stream: true }), tenant.chat({ ...sure, stream: true })];
  await until("the provider is asked", () => answers.length === 1);
  await untilRunning(2);
  const upstream = first(answers);
  upstream.writeHead(200, sse).flushHeaders();
  const readers = (await Promise.all(asking)).map(readStream);
  expect(readers.map(({ text }) => text)).toEqual(["", ""]);
  upstream.end(chatChunk({ content: "Hi" }) + chatChunk({}, "stop") + usageChunk(usage) + done);
  for (const reader of readers) expect(await reader.toEnd()).toBe("whole");
  expect(answers).toHaveLength(1);
  await tenant.booksAgree(2);
});

test("a streamed answer from the cache is kept for a tenant that wants its answers kept", async () => {
  const tenant = await plane.newTenant({ policy: { payload_retention_days: 7 } });
  const { key } = await makeKey(plane.gateway, { tenant: tenant.id, role: "admin" });
  plane.upstream.answer(whole(completion("the-words-of-the-answer", { usage })));
  const outcomes = [];
  for (const stream of [false, true]) {
    const answer = await tenant.chat({ ...sure, stream });
    await answer.text();
    outcomes.push(answer.headers.get("x-sentinel-cache"));
  }
  expect(outcomes).toEqual(["miss", "exact"]);
  for (const { id } of await tenant.booksAgree(2)) {
    const headers = { authorization: `Bearer ${key}` };
    // Its file is written after the records'.
    await untilTrue("the answer is kept", async () => {
      const kept = await plane.gateway.fetch(`/v1/audit/${id}/payload`, { headers });
      return (await kept.text()).includes("the-words-of-the-answer");
    });
  }
});
