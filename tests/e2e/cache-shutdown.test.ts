import type { ServerResponse } from "node:http";

import { expect, test } from "vitest";

import { chatBody } from "../support/one-upstream.ts";
import { startSentinel } from "../support/process.ts";
import type { SentinelProcess } from "../support/process.ts";
import { untilTrue } from "../support/redis.ts";
import {
  chatChunk,
  completion,
  done,
  startScriptedUpstream,
  usageChunk,
} from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";
import type { StreamClient } from "../support/stream-client.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { askAdmin } from "./kills/proof-tenants.ts";
import { adminOf, adminToken, nanoUsdPer, yaml } from "./redis/fleet.ts";
import { exportedRecords } from "./redis/ledger.ts";

/** SIGTERM while one call to a provider is waited for by many: none of them is forgotten. */

const usage = { prompt_tokens: 100, completion_tokens: 40, total_tokens: 140 };
const callNanoUsd = 100 * nanoUsdPer.input + 40 * nanoUsdPer.output;
const wholeCount = 20;
const streamCount = 10;
const count = wholeCount + streamCount;

interface Stage extends AsyncDisposable {
  readonly sentinel: SentinelProcess;
  /** The provider's two answers, that the test writes. */
  readonly held: { readonly whole: ServerResponse; readonly stream: ServerResponse };
  readonly wholes: readonly Promise<Response>[];
  /** All have the first word. */
  readonly streams: readonly StreamClient[];
  restart(): Promise<SentinelProcess>;
}

/** Two crowds, each of which has asked the provider once, and waits. */
async function waitingCrowds(drainMs: number): Promise<Stage> {
  await using made = new AsyncDisposableStack();
  const folder = made.use(await tempFolder()).path;
  const held: { whole?: ServerResponse; stream?: ServerResponse } = {};
  const upstream = made.use(
    await startScriptedUpstream((response, { json }) => {
      held[json?.["stream"] === true ? "stream" : "whole"] = response;
    }),
  );
  const env = { SENTINEL_ADMIN_TOKEN: adminToken, SENTINEL_DRAIN_TIMEOUT_MS: String(drainMs) };
  const start = async (): Promise<SentinelProcess> =>
    made.use(await startSentinel({ folder, yaml: yaml(upstream.baseUrl), env }));
  const sentinel = await start();
  const ask = (fields: object): Promise<Response> =>
    fetch(`${sentinel.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${sentinel.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify(chatBody({ temperature: 0, ...fields })),
    });
  const wholes = Array.from({ length: wholeCount }, () => ask({}));
  const streaming = Array.from({ length: streamCount }, () => ask({ stream: true }));
  await untilTrue("both have been asked", () =>
    Promise.resolve(held.whole !== undefined && held.stream !== undefined),
  );
  await untilTrue("all wait", async () => {
    const health = (await (await fetch(`${sentinel.url}/health`)).json()) as Record<
      string,
      unknown
    >;
    return health["inflight_requests"] === count;
  });
  const { whole, stream } = held;
  if (whole === undefined || stream === undefined) throw new Error("nobody was asked");
  stream.writeHead(200, { "content-type": "text/event-stream" });
  stream.write(chatChunk({ content: "one " }));
  const streams = (await Promise.all(streaming)).map(readStream);
  await Promise.all(streams.map((one) => one.untilText("one ")));
  expect(upstream.seen).toHaveLength(2);
  const owned = made.move();
  return {
    sentinel,
    held: { whole, stream },
    wholes,
    streams,
    restart: async () => owned.use(await startSentinel({ folder, env })),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What the books say after a restart; asserts that usage and records agree. */
async function booksOf(sentinel: SentinelProcess) {
  const records = await exportedRecords(sentinel, "default");
  expect(new Set(records.map(({ id }) => id)).size).toBe(count);
  const cost = records.reduce((sum, { cost_nano_usd: nanoUsd }) => sum + nanoUsd, 0);
  const saved = records.reduce((sum, { cache }) => sum + cache.saved_nano_usd, 0);
  const answer = await fetch(`${sentinel.url}/v1/usage?tenant=default`, {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  const { totals } = (await answer.json()) as { totals: Record<string, unknown> };
  expect(totals).toMatchObject({ requests: count, cost_nano_usd: cost });
  expect(Math.round(Number(totals["saved_usd"]) * 1e9)).toBe(saved);
  return records;
}

test("all who wait hear the answers to their ends, and each call is paid for once", async () => {
  await using stage = await waitingCrowds(60_000);
  const { sentinel, held, wholes, streams } = stage;
  sentinel.kill("SIGTERM");
  await sentinel.waitForLine("draining");
  held.whole.writeHead(200, { "content-type": "application/json" });
  held.whole.end(JSON.stringify(completion("one for all", { usage })));
  held.stream.end(chatChunk({ content: "two" }, "stop") + usageChunk(usage) + done);
  const answers = await Promise.all(wholes);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const texts = await Promise.all(answers.map((answer) => answer.text()));
  expect(texts.every((text) => text.includes("one for all"))).toBe(true);
  expect(new Set(await Promise.all(streams.map((one) => one.toEnd())))).toEqual(new Set(["whole"]));
  expect(new Set(streams.map(({ text }) => text)).size).toBe(1);
  expect(await sentinel.exit).toEqual({ code: 0, signal: null });

  const again = await stage.restart();
  const records = await booksOf(again);
  const made = records.filter(({ cache }) => cache.outcome === "miss");
  expect(made.map(({ cost_nano_usd: cost }) => cost)).toEqual([callNanoUsd, callNanoUsd]);
  const followed = records.filter(({ cache }) => cache.outcome === "exact");
  expect(followed).toHaveLength(count - 2);
  for (const { cost_nano_usd: cost, cache } of followed) {
    expect({ cost, saved: cache.saved_nano_usd }).toEqual({ cost: 0, saved: callNanoUsd });
  }
  // What they heard is kept.
  const status = await askAdmin(adminOf(again), "POST /cache/purge", {
    tenant: "default",
    all: true,
  });
  expect(status["purged"]).toMatchObject({ exact: 1 });
});

test("at the cap each is told that the gateway goes, and stands in the books", async () => {
  await using stage = await waitingCrowds(100);
  const { sentinel, wholes, streams } = stage;
  sentinel.kill("SIGTERM");
  const answers = await Promise.all(wholes);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
  const texts = await Promise.all(answers.map((answer) => answer.text()));
  expect(texts.every((text) => text.includes('"code":"shutting_down"'))).toBe(true);
  expect(new Set(await Promise.all(streams.map((one) => one.toEnd())))).toEqual(new Set(["cut"]));
  expect(streams.every(({ text }) => text.includes('"code":"shutting_down"'))).toBe(true);
  expect(await sentinel.exit).toEqual({ code: 0, signal: null });

  const records = await booksOf(await stage.restart());
  const charged = records.filter(({ cost_nano_usd: cost }) => cost > 0);
  // The call whose first word came is paid for, by whoever made it, and by nobody else.
  expect(charged.every(({ cache }) => cache.outcome === "miss")).toBe(true);
  expect(charged.length).toBeLessThanOrEqual(2);
});
