import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { RateLimitError } from "openai";
import { describe, expect, test } from "vitest";

import { admin } from "../support/admin-client.ts";
import { anthropicError } from "../support/anthropic-envelope.ts";
import { recordsOf } from "../support/books-agree.ts";
import { rejection } from "../support/openai-error.ts";
import { until } from "../support/gateway.ts";
import { messages } from "../support/one-upstream.ts";
import { sharePricedUpstream } from "../support/priced-upstream.ts";
import type { TestTenant } from "../support/priced-upstream.ts";
import { chatChunk, completion, done, stream, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";

const plane = await sharePricedUpstream();
const answered = whole(completion("Hello", { usage: { prompt_tokens: 10, completion_tokens: 5 } }));

const limited = (limits: object) => ({ policy: { limits } });
const limitedKey = (limits: object) => ({ keyPolicy: { limits } });

const rateHeaders = (answer: Response): Record<string, string> =>
  Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith("x-ratelimit-")));

async function read(asked: Promise<Response>): Promise<Response & { readonly body: null }> {
  const answer = await asked;
  await answer.arrayBuffer();
  return answer as Response & { readonly body: null };
}

describe("requests per minute", () => {
  test.each([
    ["tenant", limited({ requests_per_minute: 3 })],
    ["key", limitedKey({ requests_per_minute: 3 })],
  ])(
    "of a %s: the first are answered, the next is refused and reaches nobody",
    async (_, policies) => {
      plane.upstream.answer(answered);
      const tenant = await plane.newTenant(policies);
      plane.upstream.forget();
      const statuses = [];
      for (let count = 0; count < 5; count++) statuses.push((await read(tenant.chat())).status);
      expect(statuses).toEqual([200, 200, 200, 429, 429]);
      expect(plane.upstream.seen).toHaveLength(3);
      const records = await tenant.booksAgree(5);
      expect(records.map(({ outcome }) => outcome)).toEqual([
        "rate_limit_exceeded",
        "rate_limit_exceeded",
        "ok",
        "ok",
        "ok",
      ]);
      expect(records[0]).toMatchObject({
        status: 429,
        attempts: [],
        usage: null,
        cost_nano_usd: 0,
        cost_status: "exact",
        limits: null,
      });
    },
  );

  test("stand in OpenAI's headers of every answer, a refusal's too, in OpenAI's words", async () => {
    plane.upstream.answer(answered);
    const tenant = await plane.newTenant(limited({ requests_per_minute: 2 }));
    const first = await read(tenant.chat());
    expect(rateHeaders(first)).toEqual({
      "x-ratelimit-limit-requests": "2",
      "x-ratelimit-remaining-requests": "1",
      "x-ratelimit-reset-requests": "30s",
    });
    plane.upstream.answer(stream([chatChunk({ content: "a" }, "stop"), done]));
    const second = await read(tenant.chat({ stream: true }));
    expect(rateHeaders(second)).toMatchObject({
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": expect.stringMatching(/^(?:1m0s|59\.\d+s|59s)$/) as string,
    });
    const refused = await tenant.chat();
    expect(refused.status).toBe(429);
    expect(rateHeaders(refused)).toMatchObject({
      "x-ratelimit-limit-requests": "2",
      "x-ratelimit-remaining-requests": "0",
    });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(28);
    expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(30);
    expect(Number(refused.headers.get("retry-after-ms"))).toBeGreaterThan(28_000);
    expect(refused.headers.has("x-should-retry")).toBe(false);
    const { error } = (await refused.json()) as { error: Record<string, unknown> };
    expect(error).toMatchObject({
      type: "rate_limit_error",
      code: "rate_limit_exceeded",
      param: null,
      message: expect.stringMatching(
        /^Too many requests: the limit of your tenant \(2 requests a minute\)\. Try again in [\d.]+ s/,
      ) as string,
    });
  });

  test("of tenant and key: the narrower is told", async () => {
    plane.upstream.answer(answered);
    const limits = { requests_per_minute: 100 };
    const tenant = await plane.newTenant({
      policy: { limits },
      keyPolicy: { limits: { requests_per_minute: 5 } },
    });
    expect(rateHeaders(await read(tenant.chat()))).toMatchObject({
      "x-ratelimit-limit-requests": "5",
      "x-ratelimit-remaining-requests": "4",
    });
  });

  test("are burnt by no request that was refused or malformed", async () => {
    plane.upstream.answer(answered);
    const tenant = await plane.newTenant(limited({ requests_per_minute: 2 }));
    expect((await read(tenant.chat({ messages: "none" }))).status).toBe(400);
    expect((await read(tenant.chat({ model: "unheard-of" }))).status).toBe(404);
    const left = await read(tenant.chat());
    expect(rateHeaders(left)).toMatchObject({ "x-ratelimit-remaining-requests": "1" });
  });
});

test("a caller without limits is told the provider's own", async () => {
  const own = { "x-ratelimit-limit-requests": "10000", "x-ratelimit-reset-tokens": "6m0s" };
  plane.upstream.answer(whole(completion("Hello"), own));
  const tenant = await plane.newTenant();
  expect(rateHeaders(await read(tenant.chat()))).toEqual(own);
  const narrow = await plane.newTenant(limited({ requests_per_minute: 10 }));
  expect(rateHeaders(await read(narrow.chat()))).toEqual({
    "x-ratelimit-limit-requests": "10",
    "x-ratelimit-remaining-requests": "9",
    "x-ratelimit-reset-requests": "6s",
    "x-ratelimit-reset-tokens": "6m0s",
  });
});

describe("tokens per minute", () => {
  test("are reserved by the most that the request allows, and given back when less was used", async () => {
    plane.upstream.answer(answered);
    const tenant = await plane.newTenant(limited({ tokens_per_minute: 10_000 }));
    const first = await read(tenant.chat({ max_tokens: 6_000 }));
    const left = Number(first.headers.get("x-ratelimit-remaining-tokens"));
    expect(left).toBeGreaterThan(3_800);
    expect(left).toBeLessThan(4_000);
    const second = await read(tenant.chat({ max_tokens: 6_000 }));
    expect(second.status).toBe(200);
    const [record] = await tenant.booksAgree(2);
    expect(record?.limits?.reserved_tokens).toBeGreaterThan(6_000);
    expect(record?.usage).toMatchObject({ input_tokens: 10, output_tokens: 5 });
  });

  test("a request that could never be admitted says so, and the client does not try again", async () => {
    plane.upstream.answer(answered);
    const tenant = await plane.newTenant(limited({ tokens_per_minute: 1_000 }));
    const refused = await tenant.chat({ max_tokens: 6_000 });
    expect(refused.status).toBe(429);
    expect(refused.headers.get("x-should-retry")).toBe("false");
    expect(refused.headers.has("retry-after")).toBe(false);
    expect(await refused.text()).toContain("more than the limit of your tenant");
    expect((await read(tenant.chat({ max_tokens: 100 }))).status).toBe(200);
  });

  test("an answer that used more than was reserved is debited, and the next waits for it", async () => {
    plane.upstream.answer(
      whole(completion("Hello", { usage: { prompt_tokens: 10, completion_tokens: 5_000 } })),
    );
    const tenant = await plane.newTenant(limited({ tokens_per_minute: 1_000 }));
    expect((await read(tenant.chat({ max_tokens: 100 }))).status).toBe(200);
    const next = await tenant.chat({ max_tokens: 100 });
    expect(next.status).toBe(429);
    expect(next.headers.get("x-ratelimit-remaining-tokens")).toBe("0");
    expect(Number(next.headers.get("retry-after"))).toBeGreaterThan(200);
    expect(await next.text()).toContain("1000 tokens a minute");
  });
});

describe("concurrent requests", () => {
  const waiting = () => {
    const release: (() => void)[] = [];
    const script: Script = (response, request, socket) => {
      release.push(() => void answered(response, request, socket));
    };
    return { script, release };
  };

  test("beyond the limit are refused, and a place is free again when one has ended, however it ended", async () => {
    const { script, release } = waiting();
    plane.upstream.answer(script);
    const tenant = await plane.newTenant(limited({ concurrent_requests: 2 }));
    const first = tenant.chat();
    const leaving = tenant.rawChat();
    await until("both are asked", () => release.length === 2);
    const third = await tenant.chat();
    expect(third.status).toBe(429);
    expect(third.headers.get("retry-after")).toBe("1");
    expect(await third.text()).toContain("2 concurrent requests");
    leaving.socket.destroy();
    await until("the one that left is over", () => plane.upstream.openCount === 1);
    const fourth = tenant.chat();
    await until("its place is taken", () => release.length === 3);
    for (const answer of release) answer();
    expect((await read(first)).status).toBe(200);
    expect((await read(fourth)).status).toBe(200);
    const records = await tenant.booksAgree(4);
    const outcomes = records.map(({ outcome }) => outcome).toSorted();
    expect(outcomes).toEqual(["client_closed_request", "ok", "ok", "rate_limit_exceeded"]);
  });

  test.each([
    ["concurrent requests", { concurrent_requests: 100 }],
    ["requests per minute", { requests_per_minute: 100 }],
  ])("1,000 at once with room for 100 %s: exactly 100 are admitted", async (_, limits) => {
    const { script, release } = waiting();
    plane.upstream.answer(script);
    const tenant = await plane.newTenant(limited(limits));
    const startedMs = performance.now();
    const statuses = new Map<number, number>();
    const ask = async (): Promise<void> => {
      const { status } = await read(tenant.chat());
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    };
    const asking = Array.from({ length: 1_000 }, ask);
    const refilled = (): number =>
      "requests_per_minute" in limits
        ? Math.ceil(((performance.now() - startedMs) * 100) / 60_000)
        : 0;
    await until("all others are refused", () => (statuses.get(429) ?? 0) + release.length >= 1_000);
    expect(release.length).toBeGreaterThanOrEqual(100);
    expect(release.length).toBeLessThanOrEqual(100 + refilled());
    for (const answer of release) answer();
    await Promise.all(asking);
    expect(statuses.get(200)).toBe(release.length);
    expect(statuses.get(429)).toBe(1_000 - release.length);
    const records = await tenant.booksAgree(1_000);
    expect(records.filter(({ outcome }) => outcome === "ok")).toHaveLength(release.length);
  });
});

describe("official clients", () => {
  const openai = (tenant: TestTenant, maxRetries: number) =>
    new OpenAI({ baseURL: `${plane.gateway.url}/v1`, apiKey: tenant.key, maxRetries });

  test("OpenAI's throws RateLimitError with the code and the id of the record", async () => {
    plane.upstream.answer(answered);
    const tenant = await plane.newTenant(limited({ requests_per_minute: 1 }));
    const client = openai(tenant, 0);
    const asked = { model: "m", messages: [...messages] };
    await client.chat.completions.create(asked);
    const error = await rejection(client.chat.completions.create(asked));
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error.code).toBe("rate_limit_exceeded");
    const [refused] = await tenant.booksAgree(2);
    expect(refused?.id).toBe(error.requestID);
  });

  test("OpenAI's waits as long as it is told and then succeeds by itself", async () => {
    plane.upstream.answer(answered);
    // One more each second.
    const tenant = await plane.newTenant(limited({ requests_per_minute: 60 }));
    let count = 1;
    while ((await read(tenant.chat())).status !== 429) count++;
    const startedMs = performance.now();
    await openai(tenant, 3).chat.completions.create({ model: "m", messages: [...messages] });
    expect(performance.now() - startedMs).toBeGreaterThan(100);
    const records = await recordsOf(plane.gateway, tenant.id);
    expect(records.filter(({ status }) => status === 200)).toHaveLength(count);
    expect(records.filter(({ status }) => status === 429).length).toBeGreaterThan(1);
  });

  test("Anthropic's throws its RateLimitError from an envelope of its own kind", async () => {
    plane.upstream.answer(answered);
    const tenant = await plane.newTenant(limited({ requests_per_minute: 1 }));
    await read(tenant.chat());
    const client = new Anthropic({
      baseURL: plane.gateway.url,
      apiKey: tenant.key,
      maxRetries: 0,
    });
    const asked = client.messages.create({
      model: "m",
      max_tokens: 5,
      messages: [{ role: "user", content: "Hi" }],
    });
    await expect(asked).rejects.toBeInstanceOf(Anthropic.RateLimitError);
    const body = { model: "m", max_tokens: 5, messages };
    const error = await anthropicError(await tenant.post("/v1/messages", body), 429);
    expect(error.type).toBe("rate_limit_error");
  });
});

test("limits that are changed through the admin API hold within a second", async () => {
  plane.upstream.answer(answered);
  const tenant = await plane.newTenant();
  expect(rateHeaders(await read(tenant.chat()))).toEqual({});
  const change = (limits: object) =>
    admin(plane.gateway, `PATCH /tenants/${tenant.id}`, { policy: { limits } });
  await change({ requests_per_minute: 1 });
  expect((await read(tenant.chat())).status).toBe(200);
  expect((await read(tenant.chat())).status).toBe(429);
  // The bucket is as empty as it was, and now fills a thousand times as fast.
  await change({ requests_per_minute: 1_000 });
  const changedMs = performance.now();
  while ((await read(tenant.chat())).status === 429) {
    expect(performance.now() - changedMs).toBeLessThan(1_000);
  }
  await admin(plane.gateway, `PATCH /keys/${tenant.keyId}`, {
    policy: { limits: { requests_per_minute: 7 } },
  });
  expect(rateHeaders(await read(tenant.chat()))).toMatchObject({
    "x-ratelimit-limit-requests": expect.stringMatching(/^(?:7|1000)$/) as string,
  });
  await admin(plane.gateway, `PATCH /keys/${tenant.keyId}`, { policy: {} });
  await change({});
  expect(rateHeaders(await read(tenant.chat()))).toEqual({});
});
