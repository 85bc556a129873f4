import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";

import { expectError } from "../support/envelope.ts";
import { messages, startOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { goodHeaders, head, openRaw, wholeRequest } from "../support/raw-connection.ts";
import { chatChunk, completion, stream, whole } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";

/** Every error has the envelope, wherever in Sentinel it comes from. */
let plane: OneUpstream;
let client: OpenAI;
beforeAll(async () => {
  plane = await startOneUpstream({ script: whole(completion("ok")) });
  const { url, key } = plane.gateway;
  client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
});
afterAll(() => plane[Symbol.asyncDispose]());

const good = { headers: ["host: a"] } as const;

test.each([
  ["is no HTTP at all", "hello\r\n\r\n"],
  ["is TLS", Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03])],
  ["has another version", "GET /health HTTP/9.9\r\nhost: a\r\n\r\n"],
  ["has a space in a header's name", head("", { method: "GET", headers: ["host: a", "x y: z"] })],
  ["has a null byte in a header", head("", { method: "GET", headers: ["host: a", "x: a\0b"] })],
  ["has a null byte in its path", head("", { method: "GET", path: "/health\0", ...good })],
  ["has two lengths", head("", { headers: ["host: a", "content-length: 1", "content-length: 2"] })],
  ["has a length that is no number", head("", { headers: ["host: a", "content-length: -1"] })],
  ["asks for a method of nobody's", head("", { method: "BREW", path: "/health", ...good })],
])("what %s is 400 in the envelope, and the connection ends", async (_what, bytes) => {
  using connection = openRaw(plane.gateway.url);
  connection.send(bytes);
  const message = /not valid HTTP/;
  const answer = await connection.answer();
  await expectError(answer, { status: 400, code: "invalid_value", message });
  expect(answer.headers.get("connection")).toBe("close");
  await connection.untilOver();
});

test("a Host header that is no host is 400 in the envelope", async () => {
  using connection = openRaw(plane.gateway.url);
  connection.send(head("", { method: "GET", path: "/health", headers: ["host: a b<c>"] }));
  const message = /Host header/;
  await expectError(await connection.answer(), { status: 400, code: "invalid_value", message });
});

test("an expectation that nobody can meet is 417 in the envelope", async () => {
  using connection = openRaw(plane.gateway.url);
  connection.send(wholeRequest(plane.gateway.key, "{}", ["expect: a-miracle"]));
  const message = /100-continue/;
  await expectError(await connection.answer(), { status: 417, code: "invalid_value", message });
});

test("CONNECT is 405 in the envelope: Sentinel is no proxy", async () => {
  using connection = openRaw(plane.gateway.url);
  connection.send(head("", { method: "CONNECT", path: "example.com:443", ...good }));
  await expectError(await connection.answer(), { status: 405, code: "method_not_allowed" });
  await connection.untilOver();
});

test("an upgrade that nobody offers is answered as the request that it is", async () => {
  using connection = openRaw(plane.gateway.url);
  const headers = ["host: a", "connection: upgrade", "upgrade: websocket"];
  connection.send(head("", { method: "GET", path: "/v1/realtime", headers }));
  await expectError(await connection.answer(), { status: 404, code: "not_found" });
});

test("a body cut short by the client's half-close is 400 in the envelope", async () => {
  using connection = openRaw(plane.gateway.url);
  const { key, url } = plane.gateway;
  expect(url).not.toBe("");
  connection.send(head(key, { headers: ["host: a", ...goodHeaders(key), "content-length: 9"] }));
  connection.socket.end("{");
  await expectError(await connection.answer(), { status: 400, code: "invalid_value" });
  await connection.untilOver();
});

test("a model whose name cannot stand in a header is answered like any other", async () => {
  await using open = await startOneUpstream({ provider: { models: undefined } });
  open.upstream.answer(whole({ error: { message: "No such model.", code: "nope" } }, {}, 404));
  for (const model of ["\ud800", "m\r\nset-cookie: a=b", "模型", "\u0000"]) {
    const answer = await open.chat({ model });
    await expectError(answer, { status: 404, code: "nope", message: /^No such model\.$/ });
    expect(answer.headers.get("set-cookie")).toBeNull();
  }
});

test("OpenAI's SDK makes its own kinds of error of ours", async () => {
  const create = (fields: object): Promise<unknown> =>
    client.chat.completions.create({ model: "m", messages: [...messages], ...fields });
  await expect(create({ n: 0 })).rejects.toMatchObject({
    name: "Error",
    constructor: OpenAI.BadRequestError,
    status: 400,
    param: "n",
    code: "invalid_value",
    type: "invalid_request_error",
  });
  await expect(create({ model: "none" })).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  const stranger = new OpenAI({ baseURL: client.baseURL, apiKey: "sk-wrong", maxRetries: 0 });
  await expect(stranger.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  plane.upstream.answer(
    whole({ error: { message: "Slow.", code: "slow" } }, { "retry-after": "99" }, 429),
  );
  await expect(create({})).rejects.toBeInstanceOf(OpenAI.RateLimitError);
  plane.upstream.answer(whole("<html>", {}, 400));
  await expect(create({})).rejects.toBeInstanceOf(OpenAI.BadRequestError);
});

test("an error event in a stream has the envelope, and its code is text or null", async () => {
  for (const [error, expected] of [
    [
      { message: "Too long.", code: 400 },
      { message: "Too long.", code: "400", param: null },
    ],
    [
      { message: "Overloaded.", type: "x" },
      { message: "Overloaded.", type: "x" },
    ],
    ["Out of memory.", { message: "Out of memory.", param: null }],
  ] as const) {
    plane.upstream.answer(
      stream([chatChunk({ content: "a" }), `data: ${JSON.stringify({ error })}\n\n`]),
    );
    const reading = readStream(await plane.chat({ stream: true }));
    expect(await reading.toEnd()).toBe("cut");
    const last = JSON.parse(reading.data.at(-1) ?? "") as { error: { code: unknown } };
    expect(last.error).toMatchObject(expected);
    expect(last.error.code === null || typeof last.error.code === "string").toBe(true);
    expect(reading.text).not.toContain("[DONE]");
  }
});

test("the answer to HEAD is that of GET without its body", async () => {
  const found = await plane.gateway.fetch("/health", { method: "HEAD" });
  expect([found.status, await found.text()]).toEqual([200, ""]);
  const missing = await plane.gateway.fetch("/none", { method: "HEAD" });
  expect([missing.status, await missing.text()]).toEqual([404, ""]);
});

test("what the control plane refuses has the envelope as well", async () => {
  const send = (body: string): Promise<Response> =>
    plane.gateway.fetch("/admin/v1/keys", {
      method: "POST",
      headers: { authorization: `Bearer ${plane.gateway.adminToken}` },
      body,
    });
  await expectError(await send("{"), { status: 400, code: "invalid_json" });
  const noName = await send(JSON.stringify({ role: "inference" }));
  await expectError(noName, { status: 400, code: "invalid_value", param: "name" });
  const noKey = await plane.gateway.fetch("/admin/v1/keys", { headers: {} });
  await expectError(noKey, { status: 401, code: "invalid_api_key" });
});
