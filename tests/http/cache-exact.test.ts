import { expect, test } from "vitest";

import { recordsOf } from "../support/books-agree.ts";
import { nanoUsdPer, sharePricedUpstream } from "../support/priced-upstream.ts";
import type { TestTenant } from "../support/priced-upstream.ts";
import {
  chatChunk,
  completion,
  done,
  stream,
  usageChunk,
  whole,
} from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";

const plane = await sharePricedUpstream();
const usage = { prompt_tokens: 100, completion_tokens: 40, total_tokens: 140 };
const usageNanoUsd = 100 * nanoUsdPer.input + 40 * nanoUsdPer.output;
const sure = { temperature: 0 };

/** Counts its answers, so that no two are the same. */
function counting(): Script {
  let count = 0;
  return (response, request, socket) => {
    const said = `answer ${++count}`;
    const words = said.split(/(?= )/).map((word) => chatChunk({ content: word }));
    const script =
      request.json?.["stream"] === true
        ? stream([...words, chatChunk({}, "stop"), usageChunk(usage), done])
        : whole(completion(said, { usage }));
    return script(response, request, socket);
  };
}

async function asked(tenant: TestTenant, fields: object, headers?: Record<string, string>) {
  const answer = await tenant.chat(fields, headers);
  const text = await answer.text();
  return {
    status: answer.status,
    cache: answer.headers.get("x-sentinel-cache"),
    text,
    headers: answer.headers,
  };
}

test("a request at temperature 0 is answered again from the cache, for nothing", async () => {
  plane.upstream.answer(counting());
  const tenant = await plane.newTenant();
  const first = await asked(tenant, sure);
  const second = await asked(tenant, sure);
  expect(first).toMatchObject({ status: 200, cache: "miss" });
  expect(second).toMatchObject({ status: 200, cache: "exact" });
  expect(second.headers.get("x-sentinel-cost-usd")).toBe("0.000000000");
  expect(second.headers.get("x-sentinel-cost-status")).toBe("exact");
  const { usage: _, ...again } = JSON.parse(second.text) as Record<string, unknown>;
  expect(JSON.parse(first.text)).toMatchObject(again);
  const [hit, miss] = await tenant.booksAgree(2);
  expect(miss).toMatchObject({ cost_nano_usd: usageNanoUsd, cache: { outcome: "miss" } });
  expect(hit).toMatchObject({
    cost_nano_usd: 0,
    cost_status: "exact",
    usage: null,
    attempts: [],
    cache: {
      outcome: "exact",
      from: miss?.id,
      saved_nano_usd: usageNanoUsd,
      saved_input_tokens: 100,
      saved_output_tokens: 40,
    },
  });
});

test("what may be answered differently each time is not cached unless it asks for it", async () => {
  plane.upstream.answer(counting());
  const tenant = await plane.newTenant();
  expect((await asked(tenant, {})).cache).toBe("bypass");
  expect((await asked(tenant, { temperature: 0.2 })).cache).toBe("bypass");
  expect((await asked(tenant, {}, { "x-sentinel-cache": "on" })).cache).toBe("miss");
  expect((await asked(tenant, {}, { "x-sentinel-cache": "on" })).cache).toBe("exact");
  const records = await recordsOf(plane.gateway, tenant.id);
  expect(records.map(({ cache }) => cache.reason)).toEqual([
    null,
    null,
    "temperature",
    "temperature",
  ]);
});

test("an answer serves both modes, whichever it was made in", async () => {
  plane.upstream.answer(counting());
  const tenant = await plane.newTenant();
  const streamed = await asked(tenant, { ...sure, stream: true });
  expect(streamed.cache).toBe("miss");
  const again = await asked(tenant, { ...sure, stream: true });
  expect(again.cache).toBe("exact");
  expect(again.text).toBe(streamed.text);
  const wholly = await asked(tenant, sure);
  expect(wholly.cache).toBe("exact");
  expect(JSON.parse(wholly.text)).toMatchObject({
    object: "chat.completion",
    choices: [{ message: { role: "assistant", content: "answer 1" }, finish_reason: "stop" }],
  });
});

test("a stream from the cache tells its usage and its cost to who asked for them", async () => {
  plane.upstream.answer(counting());
  const tenant = await plane.newTenant();
  const options = { stream: true, stream_options: { include_usage: true } };
  await asked(tenant, sure);
  const { text, cache } = await asked(tenant, { ...sure, ...options });
  expect(cache).toBe("exact");
  expect(text).toContain('"prompt_tokens":100');
  expect(text).toContain('"cost_usd":"0.000000000"');
  expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
});

test("only-if-cached never asks a provider, and says that nothing is stored", async () => {
  plane.upstream.answer(counting());
  const tenant = await plane.newTenant();
  plane.upstream.forget();
  const only = { "x-sentinel-cache": "only-if-cached" };
  const missed = await asked(tenant, sure, only);
  expect(missed.status).toBe(504);
  expect(JSON.parse(missed.text)).toMatchObject({
    error: { type: "api_error", code: "cache_miss" },
  });
  expect(missed.headers.get("x-should-retry")).toBe("false");
  const never = await asked(tenant, { n: 2 }, only);
  expect(never.status).toBe(504);
  expect(plane.upstream.seen).toHaveLength(0);
  await asked(tenant, sure);
  expect(await asked(tenant, sure, only)).toMatchObject({ status: 200, cache: "exact" });
});

test("refresh asks anew and takes the place of what was kept; no-store leaves it alone", async () => {
  plane.upstream.answer(counting());
  const tenant = await plane.newTenant();
  const first = await asked(tenant, sure);
  expect((await asked(tenant, sure, { "x-sentinel-cache": "no-store" })).cache).toBe("bypass");
  const kept = await asked(tenant, sure);
  expect(kept.cache).toBe("exact");
  expect(kept.text).toContain("answer 1");
  expect(first.text).toContain("answer 1");
  const fresh = await asked(tenant, sure, { "x-sentinel-cache": "refresh" });
  expect(fresh.cache).toBe("miss");
  expect((await asked(tenant, sure)).text).toContain("answer 3");
});

test("no tenant is answered with what another tenant asked", async () => {
  plane.upstream.answer(counting());
  const [one, other] = [await plane.newTenant(), await plane.newTenant()];
  await asked(one, sure);
  expect((await asked(other, sure)).cache).toBe("miss");
});

test("what was cut, refused, filtered or calls a tool is not kept, and the record says why", async () => {
  const tenant = await plane.newTenant();
  const call = { id: "call_1", type: "function", function: { name: "f", arguments: "{}" } };
  const unkept: readonly [string, object][] = [
    ["truncated", { message: { role: "assistant", content: "x" }, finish_reason: "length" }],
    ["flagged", { message: { role: "assistant", content: "" }, finish_reason: "content_filter" }],
    [
      "tool_calls",
      {
        message: { role: "assistant", content: null, tool_calls: [call] },
        finish_reason: "tool_calls",
      },
    ],
  ];
  for (const [reason, fields] of unkept) {
    plane.upstream.answer(whole(completion("", { choices: [{ index: 0, ...fields }], usage })));
    expect((await asked(tenant, sure)).cache).toBe("bypass");
    expect((await recordsOf(plane.gateway, tenant.id))[0]?.cache).toMatchObject({
      outcome: "bypass",
      reason,
    });
  }
  plane.upstream.answer((response) => void response.writeHead(500).end("{}"));
  expect((await asked(tenant, sure)).status).toBe(502);
  plane.upstream.answer(counting());
  expect((await asked(tenant, sure)).cache).toBe("miss");
});

test("a header that makes no sense is refused by its name", async () => {
  const tenant = await plane.newTenant();
  const { status, text } = await asked(tenant, sure, { "x-sentinel-cache": "always" });
  expect(status).toBe(400);
  expect(JSON.parse(text)).toMatchObject({ error: { param: "x-sentinel-cache" } });
});

test("a hit counts among the requests, and needs neither tokens nor budget", async () => {
  plane.upstream.answer(counting());
  const budgets = [{ period: "total", limit_usd: "0.0009" }];
  const tenant = await plane.newTenant({ policy: { limits: { requests_per_minute: 3 }, budgets } });
  const small = { ...sure, max_tokens: 10 };
  expect((await asked(tenant, small)).status).toBe(200);
  // What is left of the budget is not enough for another call.
  expect((await asked(tenant, { ...small, seed: 2 })).status).toBe(429);
  expect(await asked(tenant, small)).toMatchObject({ status: 200, cache: "exact" });
  expect(await asked(tenant, small)).toMatchObject({ status: 200, cache: "exact" });
  const refused = await asked(tenant, small);
  expect(refused.status).toBe(429);
  expect(JSON.parse(refused.text)).toMatchObject({ error: { code: "rate_limit_exceeded" } });
});
