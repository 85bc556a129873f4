import type { ServerResponse } from "node:http";
import { setTimeout as passed } from "node:timers/promises";

import { expect, test } from "vitest";

import { inflightCount } from "../support/admin-client.ts";
import { until } from "../support/gateway.ts";
import { nanoUsdPer, sharePricedUpstream } from "../support/priced-upstream.ts";
import { chatChunk, completion, done, usageChunk, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";

const plane = await sharePricedUpstream();
const usage = { prompt_tokens: 100, completion_tokens: 40, total_tokens: 140 };
const usageNanoUsd = 100 * nanoUsdPer.input + 40 * nanoUsdPer.output;
const sse = { "content-type": "text/event-stream" } as const;
const sure = { temperature: 0 };
const sureStream = { ...sure, stream: true };

/** An upstream whose answers the test writes itself. */
function held(): { readonly script: Script; readonly answers: ServerResponse[] } {
  const answers: ServerResponse[] = [];
  return { script: (response) => void answers.push(response), answers };
}

const answerWhole = (response: ServerResponse, content: string): void => {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(completion(content, { usage })));
};

function first<Item>(items: readonly Item[]): Item {
  const [item] = items;
  if (item === undefined) throw new Error("there is none");
  return item;
}

/** Every one of them has been taken in, and waits. */
async function untilRunning(count: number): Promise<void> {
  while ((await inflightCount(plane.gateway)) !== count);
}

const cacheOf = (answer: Response) => answer.headers.get("x-sentinel-cache");

test("500 identical requests at the same time make one call, and one bill", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  plane.upstream.forget();
  const tenant = await plane.newTenant();
  const asking = Array.from({ length: 500 }, () => tenant.chat(sure));
  await until("the provider is asked", () => answers.length === 1);
  await untilRunning(500);
  answerWhole(first(answers), "one for all");
  const got = await Promise.all(asking);
  const texts = await Promise.all(got.map((answer) => answer.text()));
  expect(plane.upstream.seen).toHaveLength(1);
  expect(new Set(got.map(({ status }) => status))).toEqual(new Set([200]));
  expect(texts.every((text) => text.includes("one for all"))).toBe(true);
  expect(got.filter((answer) => cacheOf(answer) === "miss")).toHaveLength(1);
  expect(got.filter((answer) => cacheOf(answer) === "exact")).toHaveLength(499);
  const records = await tenant.booksAgree(500);
  const leader = first(records.filter(({ cache }) => cache.outcome === "miss"));
  expect(leader.cost_nano_usd).toBe(usageNanoUsd);
  const followers = records.filter(({ cache }) => cache.outcome === "exact");
  expect(followers).toHaveLength(499);
  for (const { cost_nano_usd: cost, cache } of followers) {
    expect(cost).toBe(0);
    expect(cache).toMatchObject({ from: leader.id, saved_nano_usd: usageNanoUsd });
  }
});

test("followers of a stream get its bytes live, each from the first on", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const tenant = await plane.newTenant();
  const leading = tenant.chat(sureStream);
  await until("the provider is asked", () => answers.length === 1);
  const upstream = first(answers);
  upstream.writeHead(200, sse).write(chatChunk({ content: "one " }));
  const leader = readStream(await leading);
  await leader.untilText("one ");
  const follower = readStream(await tenant.chat(sureStream));
  await follower.untilText("one ");
  expect(cacheOf(follower.response)).toBe("exact");
  expect(answers).toHaveLength(1);
  upstream.write(chatChunk({ content: "two" }));
  await Promise.all([leader.untilText("two"), follower.untilText("two")]);
  upstream.end(chatChunk({}, "stop") + usageChunk(usage) + done);
  expect(await Promise.all([leader.toEnd(), follower.toEnd()])).toEqual(["whole", "whole"]);
  expect(follower.text).toBe(leader.text);
  const again = await tenant.chat(sureStream);
  expect(await again.text()).toBe(leader.text);
  const [, hit, miss] = await tenant.booksAgree(3);
  const [made, followed] = miss?.cache.outcome === "miss" ? [miss, hit] : [hit, miss];
  expect(made?.cost_nano_usd).toBe(usageNanoUsd);
  expect(followed?.cache).toMatchObject({ outcome: "exact", saved_nano_usd: usageNanoUsd });
});

test("a leader who leaves ends nothing while others wait, and pays for the call", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const tenant = await plane.newTenant();
  const leader = tenant.rawChat(sureStream);
  await until("the provider is asked", () => answers.length === 1);
  const upstream = first(answers);
  upstream.writeHead(200, sse).write(chatChunk({ content: "one " }));
  await until("the leader has the words", () => leader.received.includes("one "));
  const follower = readStream(await tenant.chat(sureStream));
  await follower.untilText("one ");
  leader.socket.destroy();
  await until("the leader is gone", () => leader.isClosed);
  upstream.write(chatChunk({ content: "two" }));
  await follower.untilText("two");
  expect(upstream.destroyed).toBe(false);
  upstream.end(chatChunk({}, "stop") + usageChunk(usage) + done);
  expect(await follower.toEnd()).toBe("whole");
  const records = await tenant.booksAgree(2);
  const paid = first(records.filter(({ cache }) => cache.outcome === "miss"));
  expect(paid).toMatchObject({
    status: 499,
    outcome: "client_closed_request",
    cost_nano_usd: usageNanoUsd,
    cost_status: "exact",
  });
  expect(records.find(({ id }) => id !== paid.id)).toMatchObject({ status: 200, cost_nano_usd: 0 });
});

test("a leader who leaves before the answer began ends nothing while others wait", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const tenant = await plane.newTenant();
  const leader = tenant.rawChat(sure);
  await until("the provider is asked", () => answers.length === 1);
  const follower = tenant.chat(sure);
  await untilRunning(2);
  leader.socket.destroy();
  await until("the leader is gone", () => leader.isClosed);
  answerWhole(first(answers), "for who stayed");
  expect(await (await follower).text()).toContain("for who stayed");
  expect(answers).toHaveLength(1);
  await tenant.booksAgree(2);
});

test("when all have left, the provider's call is cancelled and settled", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const tenant = await plane.newTenant();
  const clients = [tenant.rawChat(sureStream), tenant.rawChat(sureStream)];
  await until("the provider is asked", () => answers.length === 1);
  const upstream = first(answers);
  upstream.writeHead(200, sse).write(chatChunk({ content: "one " }));
  await until("both have the words", () =>
    clients.every(({ received }) => received.includes("one ")),
  );
  for (const { socket } of clients) socket.destroy();
  await until("the provider hears of it", () => upstream.destroyed);
  const records = await tenant.booksAgree(2);
  expect(records.map(({ status }) => status)).toEqual([499, 499]);
});

test("a leader's failure fails no follower: one of them asks in its place", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const tenant = await plane.newTenant();
  const asking = Array.from({ length: 5 }, () => tenant.chat(sure));
  await until("the provider is asked", () => answers.length === 1);
  await untilRunning(5);
  plane.upstream.answer(whole(completion("second try", { usage })));
  first(answers).writeHead(500, { "content-type": "application/json" }).end("{}");
  const got = await Promise.all(asking);
  const statuses = got.map(({ status }) => status).toSorted();
  expect(statuses).toEqual([200, 200, 200, 200, 502]);
  await tenant.booksAgree(5);
});

test("what a provider refuses of one it refuses of all, and is asked once", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const tenant = await plane.newTenant();
  const asking = Array.from({ length: 5 }, () => tenant.chat(sure));
  await until("the provider is asked", () => answers.length === 1);
  await untilRunning(5);
  const error = {
    message: "No such thing.",
    type: "invalid_request_error",
    code: "bad",
    param: null,
  };
  first(answers)
    .writeHead(400, { "content-type": "application/json" })
    .end(JSON.stringify({ error }));
  const got = await Promise.all(asking);
  expect(got.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400]);
  expect(answers).toHaveLength(1);
  await tenant.booksAgree(5);
});

test("requests that want to be answered in another way make a call of their own", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const tenant = await plane.newTenant();
  const asking = [
    tenant.chat(sure),
    tenant.chat(sureStream),
    tenant.chat({ ...sureStream, stream_options: { include_usage: true } }),
    tenant.chat(sure, { "x-sentinel-timeout-ms": "60000" }),
    tenant.chat(sure, { "x-sentinel-cache": "refresh" }),
  ];
  await until("each has asked", () => answers.length === 5);
  for (const answer of answers) answer.writeHead(500).end();
  await Promise.all(asking);
});

test("to wait in vain for somebody else's call is no work of Sentinel's", async () => {
  const { script, answers } = held();
  plane.upstream.answer(script);
  const tenant = await plane.newTenant();
  const asking = [tenant.chat(sure), tenant.chat(sure)];
  await until("the provider is asked", () => answers.length === 1);
  await untilRunning(2);
  const waitedMs = 400;
  await passed(waitedMs); // What is measured, and not a moment to hit.
  first(answers).writeHead(400, { "content-type": "application/json" }).end("{}");
  const got = await Promise.all(asking);
  expect(got.map(({ status }) => status)).toEqual([400, 400]);
  await tenant.booksAgree(2);
  const lines = plane.gateway.lines.filter((line) => line["tenant"] === tenant.id);
  expect(lines).toHaveLength(2);
  for (const { overhead_ms: overheadMs } of lines) expect(overheadMs).toBeLessThan(waitedMs);
});
