import { gzipSync } from "node:zlib";

import { afterAll, beforeAll, expect, test } from "vitest";

import { expectError } from "../support/envelope.ts";
import { chatBody, messages, startOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { goodHeaders, head, openRaw, wholeRequest } from "../support/raw-connection.ts";
import { completion, whole } from "../support/scripted-upstream.ts";

/** What is wrong with a request itself. Limits are small, so that they are reached at once. */
const bodyBytesMax = 64 * 1024;
const headerBytesMax = 16 * 1024;
const timeMs = 150;

let plane: OneUpstream;
beforeAll(async () => {
  plane = await startOneUpstream({
    script: whole(completion("ok")),
    env: {
      SENTINEL_MAX_BODY_BYTES: String(bodyBytesMax),
      SENTINEL_MAX_HEADER_BYTES: String(headerBytesMax),
      SENTINEL_MAX_MESSAGES: "10",
      SENTINEL_HEADER_TIMEOUT_MS: String(timeMs),
      SENTINEL_BODY_TIMEOUT_MS: String(timeMs),
    },
  });
});
afterAll(() => plane[Symbol.asyncDispose]());

const chatPath = "/v1/chat/completions";
const postChat = (body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> =>
  plane.gateway.fetch(chatPath, {
    method: "POST",
    body,
    headers: {
      authorization: `Bearer ${plane.gateway.key}`,
      "content-type": "application/json",
      ...headers,
    },
  });

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

test.each([
  ["is not JSON", '{"model":', /not valid JSON/],
  ["has a comma too much", '{"model":"m",}', /not valid JSON \(at position 13\)/],
  ["is empty", "", /no body/],
  ["is not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /UTF-8/],
  ["nests 10,000 deep", `{"model":"m","messages":${nested(10_000)}}`, /deeper than 128 levels/],
  ["only opens 10,000 brackets", "[".repeat(10_000), /deeper than 128 levels/],
])("a body that %s is 400 invalid_json", async (_what, body, message) => {
  await expectError(await postChat(body), { status: 400, code: "invalid_json", message });
});

test.each(["[]", "null", '"text"', "1", "true"])("a body that is %s is no object", async (body) => {
  const message = /must be a JSON object/;
  await expectError(await postChat(body), { status: 400, code: "invalid_type", message });
});

const message = (fields: object): object => ({ messages: [{ role: "user", ...fields }] });
const tool = (fields: object): object => ({ tools: [fields] });

test.each([
  ["model", "missing_required_parameter", { model: undefined }],
  ["model", "invalid_type", { model: 5 }],
  ["model", "invalid_value", { model: "" }],
  ["messages", "missing_required_parameter", { messages: undefined }],
  ["messages", "invalid_type", { messages: "Hi" }],
  ["messages", "invalid_type", { messages: { role: "user", content: "Hi" } }],
  ["messages", "empty_array", { messages: [] }],
  ["messages", "array_above_max_length", { messages: Array(11).fill(messages[0]) }],
  ["messages[1]", "invalid_type", { messages: [messages[0], "Hi"] }],
  ["messages[0].role", "missing_required_parameter", { messages: [{ content: "Hi" }] }],
  ["messages[0].role", "invalid_type", message({ role: 1 })],
  ["messages[0].content", "invalid_type", message({ content: 7 })],
  ["messages[0].content", "invalid_type", message({ content: { text: "Hi" } })],
  ["messages[0].content[0]", "invalid_type", message({ content: ["Hi"] })],
  ["messages[0].content[0].type", "missing_required_parameter", message({ content: [{}] })],
  [
    "messages[0].content[1].type",
    "invalid_type",
    message({ content: [{ type: "text" }, { type: 1 }] }),
  ],
  ["messages[0].name", "invalid_type", message({ name: [] })],
  ["messages[0].tool_calls", "invalid_type", message({ tool_calls: {} })],
  [
    "messages[0].tool_calls[0].function.arguments",
    "invalid_type",
    message({ tool_calls: [{ function: { name: "f", arguments: {} } }] }),
  ],
  ["temperature", "invalid_type", { temperature: "hot" }],
  ["temperature", "invalid_value", { temperature: 2.1 }],
  ["top_p", "invalid_value", { top_p: -1 }],
  ["n", "invalid_value", { n: 0 }],
  ["n", "invalid_type", { n: 1.5 }],
  ["max_tokens", "invalid_type", { max_tokens: "many" }],
  ["max_completion_tokens", "invalid_value", { max_completion_tokens: 0 }],
  ["stream", "invalid_type", { stream: "yes" }],
  ["stream_options", "invalid_type", { stream_options: true }],
  ["stream_options.include_usage", "invalid_type", { stream_options: { include_usage: 1 } }],
  ["stop", "invalid_type", { stop: 1 }],
  ["stop[0]", "invalid_type", { stop: [1] }],
  ["tools", "invalid_type", { tools: "search" }],
  ["tools[0]", "invalid_type", { tools: ["search"] }],
  ["tools[0].type", "missing_required_parameter", tool({ function: { name: "f" } })],
  [
    "tools[0].function.name",
    "missing_required_parameter",
    tool({ type: "function", function: {} }),
  ],
  [
    "tools[0].function.parameters",
    "invalid_type",
    tool({ type: "function", function: { name: "f", parameters: "{}" } }),
  ],
  ["tool_choice", "invalid_type", { tool_choice: 1 }],
  ["response_format.type", "missing_required_parameter", { response_format: {} }],
  ["top_logprobs", "invalid_value", { top_logprobs: -1 }],
])("a chat request is 400 for %s (%s), and the message names it", async (param, code, fields) => {
  const error = await expectError(await plane.chat(fields), { status: 400, code, param });
  expect(error.message).toContain(`'${param}'`);
});

test.each([
  ["/v1/embeddings", { model: "m" }, "input", "missing_required_parameter"],
  ["/v1/embeddings", { model: "m", input: [] }, "input", "empty_array"],
  ["/v1/embeddings", { model: "m", input: [{}] }, "input[0]", "invalid_type"],
  [
    "/v1/embeddings",
    { model: "m", input: "a", encoding_format: "hex" },
    "encoding_format",
    "invalid_value",
  ],
  ["/v1/embeddings", { model: "m", input: "a", dimensions: 0 }, "dimensions", "invalid_value"],
  ["/v1/completions", { model: "m", prompt: 1 }, "prompt", "invalid_type"],
  ["/v1/completions", { prompt: "a" }, "model", "missing_required_parameter"],
  ["/v1/moderations", {}, "input", "missing_required_parameter"],
  ["/v1/moderations", { input: [] }, "input", "empty_array"],
  ["/v1/moderations", { input: [{}] }, "input[0].type", "missing_required_parameter"],
  ["/v1/responses", { input: "a" }, "model", "missing_required_parameter"],
  ["/v1/responses", { model: "m", input: 1 }, "input", "invalid_type"],
  ["/v1/responses", { model: "m", tools: [{}] }, "tools[0].type", "missing_required_parameter"],
])("%s refuses %j, naming %s (%s)", async (path, body, param, code) => {
  await expectError(await plane.gateway.post(path, body), { status: 400, code, param });
});

test.each([
  chatBody({ temperature: null, n: null, stop: null, tools: null, stream: null, max_tokens: null }),
  chatBody({ messages: [{ role: "assistant", content: null, tool_calls: null }] }),
  chatBody({ messages: [{ role: "critic" }], temperature: 2, stop: [], tools: [] }),
  chatBody({ tools: [{ type: "custom", custom: {} }], tool_choice: {}, nobody: { knows: [] } }),
])("nulls, empty lists, and what only a provider can judge pass: %j", async (body) => {
  expect((await plane.gateway.post(chatPath, body)).status).toBe(200);
});

test("a refused request never reaches the provider", async () => {
  const before = plane.upstream.seen.length;
  await expectError(await plane.chat({ n: 0 }), { status: 400, code: "invalid_value", param: "n" });
  expect(plane.upstream.seen.length).toBe(before);
});

test.each(["0", "-1", "1.5", "soon", "", "NaN", "99999999999"])(
  "x-sentinel-timeout-ms may not be '%s'",
  async (timeout) => {
    const param = "x-sentinel-timeout-ms";
    const answer = await plane.chat({}, { [param]: timeout });
    await expectError(answer, { status: 400, code: "invalid_value", param });
  },
);

test("405 says which methods the path does take, in the message and in 'allow'", async () => {
  for (const [method, path, allow] of [
    ["GET", chatPath, "POST, OPTIONS"],
    ["PUT", "/v1/embeddings", "POST, OPTIONS"],
    ["DELETE", "/v1/models", "GET, OPTIONS"],
    ["POST", "/v1/models/m", "GET, OPTIONS"],
    ["POST", "/health/ready", "GET, OPTIONS"],
    ["PROPFIND", "/health", "GET, OPTIONS"],
  ] as const) {
    const answer = await plane.gateway.fetch(path, { method });
    expect(answer.headers.get("allow")).toBe(allow);
    const code = "method_not_allowed";
    const error = await expectError(answer, { status: 405, code, message: /it takes/ });
    expect(error.message).toContain(allow);
  }
});

test("405 of the control plane is given to who has signed in", async () => {
  const headers = { authorization: `Bearer ${plane.gateway.adminToken}` };
  const answer = await plane.gateway.fetch("/admin/v1/keys", { method: "PUT", headers });
  expect(answer.headers.get("allow")).toBe("GET, POST, OPTIONS");
  await expectError(answer, { status: 405, code: "method_not_allowed" });
});

test("an unknown path is 404, with a hint where only /v1 is missing", async () => {
  const unknown = await plane.gateway.fetch("/v1/audio/speech", { method: "POST" });
  await expectError(unknown, {
    status: 404,
    code: "not_found",
    message: /POST \/v1\/audio\/speech/,
  });
  const bare = await plane.gateway.fetch("/chat/completions", { method: "POST" });
  const hint = /Did you mean \/v1\/chat\/completions\?/;
  await expectError(bare, { status: 404, code: "not_found", message: hint });
  await expectError(await plane.gateway.fetch("/"), { status: 404, code: "not_found" });
});

test("a slash at the end of a path is no other path", async () => {
  expect((await plane.gateway.post(`${chatPath}/`, chatBody())).status).toBe(200);
  expect((await plane.gateway.fetch("/v1/models/")).status).toBe(200);
});

test("headers that come too slowly are 408, and the connection ends", async () => {
  using client = openRaw(plane.gateway.url);
  client.send("POST /v1/chat/completions HTTP/1.1\r\nhost: ");
  const message = new RegExp(`${timeMs} ms for the headers`);
  const answer = await client.answer();
  await expectError(answer, { status: 408, code: "request_timeout", message });
  expect(answer.headers.get("connection")).toBe("close");
  await client.untilOver();
});

test("a body that comes too slowly is 408, and the connection ends", async () => {
  using client = openRaw(plane.gateway.url);
  client.send(
    head(plane.gateway.key, {
      headers: ["host: a", ...goodHeaders(plane.gateway.key), "content-length: 100"],
    }),
  );
  client.send('{"model"');
  const message = new RegExp(`${timeMs} ms for the body`);
  await expectError(await client.answer(), { status: 408, code: "request_timeout", message });
  await client.untilOver();
});

test("a body declared too large is 413 before any of it comes, and names the limit", async () => {
  using client = openRaw(plane.gateway.url);
  const length = `content-length: ${bodyBytesMax + 1}`;
  client.send(
    head(plane.gateway.key, { headers: ["host: a", ...goodHeaders(plane.gateway.key), length] }),
  );
  const message = new RegExp(`${bodyBytesMax} bytes.*SENTINEL_MAX_BODY_BYTES`);
  await expectError(await client.answer(), { status: 413, code: "body_too_large", message });
});

test("a body of unknown length is 413 while it arrives, before its end", async () => {
  using client = openRaw(plane.gateway.url);
  const chunked = "transfer-encoding: chunked";
  client.send(
    head(plane.gateway.key, { headers: ["host: a", ...goodHeaders(plane.gateway.key), chunked] }),
  );
  const chunk = " ".repeat(16 * 1024);
  for (let sent = 0; sent <= bodyBytesMax; sent += chunk.length) {
    client.send(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  }
  await expectError(await client.answer(), { status: 413, code: "body_too_large" });
});

test("a small gzip that would become a large body is 413", async () => {
  const bomb = gzipSync(Buffer.alloc(64 * bodyBytesMax, " "));
  expect(bomb.length).toBeLessThan(bodyBytesMax);
  const answer = await postChat(bomb, { "content-encoding": "gzip" });
  await expectError(answer, { status: 413, code: "body_too_large" });
});

test.each([
  "text/plain",
  "multipart/form-data; boundary=x",
  "application/x-www-form-urlencoded",
  "json",
])("the content type %s is 415, with what to send", async (type) => {
  const message = /Send 'content-type: application\/json'/;
  const answer = await postChat(JSON.stringify(chatBody()), { "content-type": type });
  await expectError(answer, { status: 415, code: "unsupported_media_type", message });
});

test.each(["compress", "gzip, gzip", "constructor", "__proto__", "toString"])(
  "the content encoding %s is 415, and 'accept-encoding' says which are taken",
  async (encoding) => {
    const answer = await postChat(JSON.stringify(chatBody()), { "content-encoding": encoding });
    expect(answer.headers.get("accept-encoding")).toBe("gzip, deflate, br, zstd");
    await expectError(answer, {
      status: 415,
      code: "unsupported_media_type",
      message: /Send gzip/,
    });
  },
);

test("a body that is not what its content encoding says is 400", async () => {
  const answer = await postChat("{}", { "content-encoding": "gzip" });
  await expectError(answer, { status: 400, code: "invalid_json", message: /content-encoding/ });
});

test("headers beyond the limit are 431, and the message names it", async () => {
  using client = openRaw(plane.gateway.url);
  client.send(wholeRequest(plane.gateway.key, "{}", [`x-large: ${"a".repeat(headerBytesMax)}`]));
  const message = new RegExp(`${headerBytesMax} bytes.*SENTINEL_MAX_HEADER_BYTES`);
  await expectError(await client.answer(), { status: 431, code: "headers_too_large", message });
  await client.untilOver();
});
