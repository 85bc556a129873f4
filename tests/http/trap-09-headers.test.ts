import { afterAll, beforeAll, expect, test } from "vitest";

import { until } from "../support/gateway.ts";
import { shareOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { head, openRaw } from "../support/raw-connection.ts";
import { chatChunk, completion, done, stream, whole } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

let plane: OneUpstream;
beforeAll(async () => {
  plane = await startOneUpstream({
    models: { fast: { retries: 1, targets: [{ provider: "test", model: "m" }] } },
  });
});
afterAll(() => plane[Symbol.asyncDispose]());

const ulid = /^[0-9A-HJKMNP-TV-Z]{26}$/;
const hello = stream([chatChunk({ content: "Hi" }), chatChunk({}, "stop"), done]);
const limits = {
  "x-ratelimit-limit-requests": "100",
  "x-ratelimit-limit-tokens": "5000",
  "x-ratelimit-remaining-requests": "99",
  "x-ratelimit-remaining-tokens": "4990",
  "x-ratelimit-reset-requests": "1s",
  "x-ratelimit-reset-tokens": "6m0s",
};

test.each<[string, string, RequestInit]>([
  ["a preflight", "/v1/chat/completions", { method: "OPTIONS", headers: { origin: "http://a" } }],
  ["the list of models", "/v1/models", {}],
  ["one model", "/v1/models/m", {}],
  ["a health check", "/health", {}],
  ["a probe", "/health/ready", {}],
  ["an unknown path", "/none", {}],
  ["a wrong method", "/v1/models", { method: "DELETE" }],
  ["a missing key", "/v1/models", { headers: {} }],
  ["the control plane's refusal", "/admin/v1/keys", { headers: {} }],
])("%s has an x-request-id of its own", async (_what, path, init) => {
  const ids = new Set<string | null>();
  for (let time = 0; time < 2; time++) {
    const answer = await plane.gateway.fetch(path, init);
    ids.add(answer.headers.get("x-request-id"));
    await answer.body?.cancel();
  }
  expect([...ids]).toEqual([expect.stringMatching(ulid), expect.stringMatching(ulid)]);
});

test("the control plane's answers have an x-request-id too", async () => {
  const headers = { authorization: `Bearer ${plane.gateway.adminToken}` };
  const answer = await plane.gateway.fetch("/admin/v1/tenants", { headers });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-request-id")).toMatch(ulid);
});

test("answers, streams, refusals and the provider's errors have an x-request-id, that of the log", async () => {
  plane.upstream.answer(whole(completion("ok")));
  const answered = await plane.chat();
  const refused = await plane.chat({ n: 0 });
  plane.upstream.answer(whole({ error: { message: "No." } }, {}, 400));
  const rejected = await plane.chat();
  plane.upstream.answer(hello);
  const streamed = await plane.chat({ stream: true });
  await readStream(streamed).toEnd();
  for (const answer of [answered, refused, rejected, streamed]) {
    const id = answer.headers.get("x-request-id");
    expect(id).toMatch(ulid);
    await until("its line is in the log", () =>
      plane.gateway.lines.some((line) => line["request_id"] === id),
    );
    await answer.body?.cancel().catch(() => undefined);
  }
});

test("what Node's parser refuses has an x-request-id, that of the log", async () => {
  using connection = openRaw(plane.gateway.url);
  connection.send("nonsense\r\n\r\n");
  const id = (await connection.answer()).headers.get("x-request-id");
  expect(id).toMatch(ulid);
  expect(plane.gateway.lines.some((line) => line["request_id"] === id)).toBe(true);
});

async function lineOf(answer: Response): Promise<Record<string, unknown>> {
  const id = answer.headers.get("x-request-id");
  const find = (): Record<string, unknown> | undefined =>
    plane.gateway.lines.find((line) => line["request_id"] === id);
  await until("its line is in the log", () => find() !== undefined);
  return find() ?? {};
}

test("the client's own x-request-id goes into the log beside ours, and takes its place nowhere", async () => {
  plane.upstream.answer(whole(completion("ok")));
  for (const sent of [{}, { n: 0 }]) {
    const answer = await plane.chat(sent, { "x-request-id": "client-42" });
    expect(answer.headers.get("x-request-id")).toMatch(ulid);
    expect(await lineOf(answer)).toMatchObject({ client_request_id: "client-42" });
  }
});

test.each(["a".repeat(129), "two words", "ümlaut"])(
  "a client's x-request-id that cannot be written down is left out: %s",
  async (id) => {
    plane.upstream.answer(whole(completion("ok")));
    const answer = await plane.chat({}, { "x-request-id": id });
    expect(answer.status).toBe(200);
    expect(await lineOf(answer)).not.toHaveProperty("client_request_id");
  },
);

test("the provider's rate limits are on whole answers, streams and errors", async () => {
  const scripts = [
    whole(completion("ok"), limits),
    whole({ error: { message: "No." } }, limits, 400),
  ];
  for (const script of scripts) {
    plane.upstream.answer(script);
    const answer = await plane.chat();
    expect(Object.fromEntries(answer.headers)).toMatchObject(limits);
  }
  plane.upstream.answer(stream([chatChunk({}, "stop"), done], limits));
  const streamed = await plane.chat({ stream: true });
  expect(Object.fromEntries(streamed.headers)).toMatchObject(limits);
  await readStream(streamed).toEnd();
});

test.each([{}, { stream: true }])(
  "an answer (%j) says who gave it, after how many attempts, and how long Sentinel itself took",
  async (fields) => {
    plane.upstream.answer("stream" in fields ? hello : whole(completion("ok")));
    const answer = await plane.chat({ ...fields, model: "fast" });
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "x-sentinel-provider": "test",
      "x-sentinel-model": "m",
      "x-sentinel-attempts": "1",
      "x-sentinel-overhead-ms": expect.stringMatching(/^\d+\.\d\d$/) as unknown,
      "openai-processing-ms": expect.stringMatching(/^\d+$/) as unknown,
    });
    await answer.text();
  },
);

test("a second attempt counts, and its pause counts as Sentinel's own time", async () => {
  let times = 0;
  plane.upstream.answer((response, ...rest) => {
    const isFirst = times++ === 0;
    const script = isFirst
      ? whole({ error: { message: "Wait." } }, { "retry-after-ms": "60" }, 429)
      : whole(completion("ok"));
    return script(response, ...rest);
  });
  const answer = await plane.chat({ model: "fast" });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-sentinel-attempts")).toBe("2");
  expect(Number(answer.headers.get("x-sentinel-overhead-ms"))).toBeGreaterThanOrEqual(58);
});

test("time spent waiting for the provider is none of Sentinel's overhead", async () => {
  plane.upstream.answer(async (response, ...rest) => {
    await new Promise((resolve) => setTimeout(resolve, 150)); // The provider's own slowness.
    return whole(completion("ok"))(response, ...rest);
  });
  const answer = await plane.chat();
  expect(Number(answer.headers.get("x-sentinel-overhead-ms"))).toBeLessThan(100);
  expect(Number(answer.headers.get("openai-processing-ms"))).toBeGreaterThanOrEqual(140);
});

test("the provider's openai-processing-ms stays; its own ids and names do not come along", async () => {
  const theirs = {
    "openai-processing-ms": "4711",
    "x-request-id": "req_theirs",
    "openai-organization": "org-of-the-operator",
    server: "theirs",
    "x-powered-by": "theirs",
  };
  plane.upstream.answer(whole(completion("ok"), theirs));
  const answer = await plane.chat();
  expect(answer.headers.get("openai-processing-ms")).toBe("4711");
  expect(answer.headers.get("x-request-id")).toMatch(ulid);
  for (const name of ["openai-organization", "server", "x-powered-by"]) {
    expect(answer.headers.get(name)).toBeNull();
  }
});

test("a request with several x-request-id headers is served", async () => {
  using connection = openRaw(plane.gateway.url);
  const headers = ["host: a", "x-request-id: one", "x-request-id: two"];
  connection.send(head("", { method: "GET", path: "/health", headers }));
  expect((await connection.answer()).status).toBe(200);
});
