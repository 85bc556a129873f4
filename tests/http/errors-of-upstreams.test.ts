import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { expectError } from "../support/envelope.ts";
import { until } from "../support/gateway.ts";
import { chatBody, startOneUpstream, yamlOf } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { completion, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";

/** What providers do wrong, and what they say is wrong. */
const deadlineMs = 100;
const retries = 1;

let plane: OneUpstream;
beforeAll(async () => {
  plane = await startOneUpstream();
});
afterAll(() => plane[Symbol.asyncDispose]());

/** A fresh start for each test: its breaker is closed, its budget of retries whole. */
let providerCount = 0;
async function configure(provider: object = {}, defaults: object = { retries }): Promise<void> {
  const base = { type: "openai", api_keys: ["sk-upstream"], models: ["m"] };
  const test = { ...base, base_url: plane.upstream.baseUrl, ...provider };
  await plane.gateway.reload(yamlOf({ providers: { [`p${++providerCount}`]: test }, defaults }));
}
beforeEach(() => configure());

const refusal = (status: number, error: object, headers: Record<string, string> = {}): Script =>
  whole({ error }, headers, status);

test.each([400, 404, 409, 413, 415, 422, 451])(
  "the provider's own %i goes through with its words and every field of them",
  async (status) => {
    const error = {
      message: "You asked for too much.",
      type: "odd_error",
      param: "messages.[0].content",
      code: "odd_code",
      more: { of: ["theirs", 1.5, null] },
    };
    plane.upstream.answer(refusal(status, error));
    const { type, param, code } = error;
    expect(await expectError(await plane.chat(), { status, type, param, code })).toEqual(error);
  },
);

test("a stream that is refused before it begins is a plain answer with a status", async () => {
  plane.upstream.answer(refusal(400, { message: "No.", type: "t", param: null, code: "c" }));
  await expectError(await plane.chat({ stream: true }), { status: 400, type: "t", code: "c" });
});

test("429 comes with all that the provider says of when to come back", async () => {
  const headers = {
    "retry-after": "60",
    "retry-after-ms": "59500",
    "x-should-retry": "false",
    "x-ratelimit-limit-requests": "10",
    "x-ratelimit-remaining-tokens": "0",
    "x-ratelimit-reset-tokens": "6m0s",
  };
  const error = { message: "Slow down.", type: "tokens", param: null, code: "rate_limit_exceeded" };
  plane.upstream.answer(refusal(429, error, headers));
  const answer = await plane.chat();
  await expectError(answer, { status: 429, type: "tokens", code: "rate_limit_exceeded" });
  expect(Object.fromEntries(answer.headers)).toMatchObject(headers);
});

test("a provider's retry-after in seconds alone stays as it is", async () => {
  plane.upstream.answer(refusal(429, { message: "Slow down." }, { "retry-after": "60" }));
  const answer = await plane.chat();
  await expectError(answer, { status: 429, type: "rate_limit_error" });
  expect(answer.headers.get("retry-after")).toBe("60");
});

test("401 of the provider goes through in its words, and is no 401 of ours", async () => {
  const error = { message: "Bad key.", type: "auth", param: null, code: "bad_key" };
  plane.upstream.answer(refusal(401, error));
  await expectError(await plane.chat(), { status: 401, type: "auth", code: "bad_key" });
});

test.each([
  [
    "FastAPI's list",
    { detail: [{ loc: ["body", "n"], msg: "must be 1" }] },
    /^body\.n: must be 1$/,
  ],
  ["FastAPI's sentence", { detail: "Not found." }, /^Not found\.$/],
  ["Mistral's", { object: "error", message: "No.", type: "x", param: null, code: 3051 }, /^No\.$/],
  ["Ollama's", { error: "model not found" }, /^model not found$/],
  ["a number as its code", { error: { message: "No.", code: 400 } }, /^No\.$/],
  ["a message that is no text", { error: { message: { en: "No." } } }, /^\{"en":"No\."\}$/],
  ["a message that is empty", { error: { message: "" } }, /gave no reason/],
])("an error in %s shape becomes OpenAI's", async (_whose, body, message) => {
  plane.upstream.answer(whole(body, {}, 400));
  const answer = await plane.chat();
  const { error } = (await answer.clone().json()) as { error: { code: unknown; type: string } };
  expect(error.code === null || typeof error.code === "string").toBe(true);
  const { type } = error;
  await expectError(answer, { status: 400, type, code: error.code as string | null, message });
});

test.each([
  ["HTML", "<html><body>Bad Request</body></html>"],
  ["nothing", ""],
  ["a list", "[]"],
])("a 4xx of %s gets an envelope that says who refused", async (_what, body) => {
  plane.upstream.answer(whole(body, { "content-type": "text/html" }, 400));
  const message = /^p\d+ refused the request with status 400\.$/;
  await expectError(await plane.chat(), { status: 400, message });
});

const cutAfter =
  (text: string): Script =>
  (response, _request, socket) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "5000" });
    response.write(text, () => socket.destroy());
  };

test.each<[string, Script, RegExp]>([
  [
    "resets the connection",
    (_response, _request, socket) => void socket.resetAndDestroy(),
    /closed the connection/,
  ],
  ["hangs up", (_response, _request, socket) => void socket.destroy(), /closed the connection/],
  ["answers 500", refusal(500, { message: "Oops." }), /status 500: Oops\./],
  [
    "answers 503 in HTML",
    whole("<html>Down</html>", { "content-type": "text/html" }, 503),
    /status 503$/,
  ],
  ["redirects", whole("", { location: "http://127.0.0.1:1/" }, 302), /status 302/],
  ["sends HTML with 200", whole("<html>Hi</html>", { "content-type": "text/html" }), /not JSON/],
  ["sends half a JSON", whole('{"id":"chatcmpl-1","choices":['), /not JSON/],
  ["sends an empty body", whole(""), /not JSON/],
  ["sends a list", whole("[]"), /no JSON object/],
  ["stops in the middle", cutAfter('{"id":'), /broke off|closed/],
])("a provider that %s is 502 after all attempts", async (_what, script, message) => {
  plane.upstream.answer(script);
  const before = plane.upstream.seen.length;
  const answer = await plane.chat();
  const isRetried = answer.headers.get("x-sentinel-attempts") === "2";
  expect(plane.upstream.seen.length - before).toBeGreaterThanOrEqual(isRetried ? 2 : 1);
  await expectError(answer, { status: 502, type: "api_error", code: "upstream_error", message });
  expect(answer.headers.get("x-sentinel-provider")).toBe(`p${providerCount}`);
});

test("a good answer under a wrong label is a good answer, relabelled", async () => {
  plane.upstream.answer(whole(completion("fine"), { "content-type": "text/plain" }));
  const answer = await plane.chat();
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("application/json");
  await answer.body?.cancel();
});

test("a provider that cannot be reached is 502, and its address is not shown", async () => {
  const { port } = await freePort();
  await configure({ base_url: `http://127.0.0.1:${port}/v1` });
  const answer = await plane.chat();
  const expected = { status: 502, type: "api_error", code: "upstream_error" } as const;
  const error = await expectError(answer, { ...expected, message: /could not be reached/ });
  expect(answer.headers.get("x-sentinel-attempts")).toBe("2");
  expect(error.message).not.toMatch(/127\.0\.0\.1|localhost/);
  expect(error.message).not.toContain(String(port));
});

test("a provider that has kept failing is 503 at once, and says when to come back", async () => {
  await configure({ breaker: { consecutive_failures: 1, open_ms: 30_000 } }, { retries: 0 });
  plane.upstream.answer((_response, _request, socket) => void socket.destroy());
  await expectError(await plane.chat(), { status: 502, type: "api_error", code: "upstream_error" });
  const answer = await plane.chat();
  await expectError(answer, { status: 503, type: "api_error", code: "no_healthy_upstream" });
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(20);
  expect(Number(answer.headers.get("retry-after-ms"))).toBeGreaterThan(20_000);
});

const silent: Script = () => undefined;

test.each([
  ["first byte", { first_byte_ms: deadlineMs }],
  ["total", { total_ms: deadlineMs }],
])("a provider that does not answer is 504, naming the %s deadline", async (name, deadlines) => {
  await configure({ deadlines });
  plane.upstream.answer(silent);
  const message = new RegExp(`the ${name} deadline`);
  const expected = { status: 504, type: "api_error", code: "upstream_timeout", message } as const;
  await expectError(await plane.chat(), expected);
  await until("the provider was let go", () => plane.upstream.openCount === 0);
});

test("the client's own patience ends in 504 too", async () => {
  plane.upstream.answer(silent);
  const answer = await plane.chat({}, { "x-sentinel-timeout-ms": String(deadlineMs) });
  await expectError(answer, { status: 504, type: "api_error", code: "upstream_timeout" });
  await until("the provider was let go", () => plane.upstream.openCount === 0);
});

test("one request more than Sentinel takes at once is 503 overloaded; then it takes another", async () => {
  await using small = await startOneUpstream({
    script: silent,
    env: { SENTINEL_MAX_INFLIGHT: "1" },
  });
  const leaving = new AbortController();
  const first = small.gateway.fetch("/v1/chat/completions", {
    method: "POST",
    signal: leaving.signal,
    headers: {
      authorization: `Bearer ${small.gateway.key}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(chatBody()),
  });
  await until("the first is with the provider", () => small.upstream.openCount === 1);
  const answer = await small.chat();
  await expectError(answer, { status: 503, type: "api_error", code: "overloaded" });
  expect(answer.headers.get("retry-after")).toBe("1");
  expect(answer.headers.get("retry-after-ms")).toBe("1000");

  leaving.abort();
  await expect(first).rejects.toThrow();
  await until("its place is free", () => small.upstream.openCount === 0);
  small.upstream.answer(whole(completion("ok")));
  expect((await small.chat()).status).toBe(200);
});

/** A port on which nobody listens. */
async function freePort(): Promise<AddressInfo> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return address;
}
