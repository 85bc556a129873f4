import { afterAll, beforeAll, expect, test } from "vitest";

import { makeKey, untilNothingRuns } from "../support/admin-client.ts";
import { expectError } from "../support/envelope.ts";
import { until } from "../support/gateway.ts";
import { chatBody, startOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { chatPath, goodHeaders, head, openRaw, wholeRequest } from "../support/raw-connection.ts";
import { completion, whole } from "../support/scripted-upstream.ts";

/** What is sent to do harm: in the body, in the head, and by coming slowly. */
const slowMs = 300;
const ok = whole(completion("ok"));

let plane: OneUpstream;
let narrowKey: string;
beforeAll(async () => {
  plane = await startOneUpstream({
    script: ok,
    provider: { models: ["m", "secret-model"] },
    env: {
      SENTINEL_HEADER_TIMEOUT_MS: String(slowMs),
      SENTINEL_BODY_TIMEOUT_MS: String(slowMs),
    },
  });
  const { key } = await makeKey(plane.gateway, { policy: { models: ["m"] } });
  narrowKey = key;
});
afterAll(() => plane[Symbol.asyncDispose]());

const post = (body: string, key = plane.gateway.key): Promise<Response> =>
  plane.gateway.post(chatPath, body, { authorization: `Bearer ${key}` });
const lastBody = (): string => plane.upstream.seen.at(-1)?.body.toString() ?? "";
const messages = '"messages":[{"role":"user","content":"Hi"}]';

async function expectToWork(): Promise<void> {
  plane.upstream.answer(ok);
  expect((await plane.chat()).status).toBe(200);
  await until("nothing runs", () => plane.upstream.openCount === 0);
  await untilNothingRuns(plane.gateway);
}

const deep = (open: string, close: string): string => open.repeat(10_000) + close.repeat(10_000);

test.each([
  ["lists", `{"model":"m",${messages},"x":${deep("[", "]")}}`],
  ["objects", `{"model":"m",${messages},"x":${deep('{"a":', "}").replace(":}", ":1}")}}`],
  ["a message", `{"model":"m","messages":[{"role":"user","content":${deep("[", "]")}}]}`],
  [
    "a tool",
    `{"model":"m",${messages},"tools":[{"type":"function","function":${deep("[", "]")}}]}`,
  ],
])("10,000 levels of %s are refused before they are read", async (_what, body) => {
  await expectError(await post(body), { status: 400, code: "invalid_json", message: /nests/ });
});

test("10,000 brackets in a text are a text", async () => {
  const body = JSON.stringify(chatBody({ user: deep('["{\\', "}]") }));
  expect((await post(body)).status).toBe(200);
  expect(lastBody()).toBe(body);
});

test.each(["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"])(
  "a field called %s is a field like any other, and changes nobody else",
  async (name) => {
    const field = `"${name}":{"model":"secret-model","polluted":true,"stream":true,"role":"x"}`;
    const body = `{${field},"model":"m","messages":[{${field},"role":"user","content":"Hi"}]}`;
    const answer = await post(body, narrowKey);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(lastBody()).toBe(body);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    await expectToWork();
  },
);

test.each(["__proto__", "constructor"])("%s cannot stand in for a missing model", async (name) => {
  const answer = await post(`{"${name}":{"model":"m"},${messages}}`);
  const code = "missing_required_parameter";
  await expectError(answer, { status: 400, code, param: "model" });
});

test.each(["__proto__", "constructor", "toString"])("no model is called %s", async (model) => {
  const answer = await plane.chat({ model });
  await expectError(answer, { status: 404, code: "model_not_found", param: "model" });
});

test("of a field written twice the last counts, for the key's policy and for the provider", async () => {
  for (const name of ["model", "m\\u006fdel"]) {
    const allowedFirst = `{"model":"m","${name}":"secret-model",${messages}}`;
    const answer = await post(allowedFirst, narrowKey);
    const type = "permission_error";
    await expectError(answer, { status: 403, type, code: "model_not_allowed", param: "model" });

    const allowedLast = `{"model":"secret-model",${messages},"${name}":"m"}`;
    expect((await post(allowedLast, narrowKey)).status).toBe(200);
    expect(lastBody().match(/mod(?:e|\\)/g)).toHaveLength(1);
    expect(plane.upstream.seen.at(-1)?.json).toMatchObject({ model: "m" });
  }
});

test("whether to stream is decided by the same field for both sides", async () => {
  const answer = await post(`{"model":"m","stream":true,${messages},"stream":false}`);
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(plane.upstream.seen.at(-1)?.json?.["stream"]).toBe(false);
  expect(lastBody().match(/"stream"/g)).toHaveLength(1);
});

test("a null byte in JSON is 400, and an escaped one is text", async () => {
  await expectError(await post('{"model":"m\0"}'), { status: 400, code: "invalid_json" });
  const body = JSON.stringify(chatBody({ user: "a\0b" }));
  expect((await post(body)).status).toBe(200);
  expect(lastBody()).toBe(body);
});

/** Sends these bytes; the statuses of all answers until the connection ends or nothing more comes. */
async function statusesAfter(bytes: string): Promise<number[]> {
  using client = openRaw(plane.gateway.url);
  client.send(bytes);
  await client.untilOver();
  return [...client.received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((found) => Number(found[1]));
}

const smuggled = "GET /v1/smuggled HTTP/1.1\r\nhost: a\r\n\r\n";

test.each([
  ["a length and chunks", ["content-length: 6", "transfer-encoding: chunked"]],
  ["chunks and a length", ["transfer-encoding: chunked", "content-length: 6"]],
  ["two lengths", ["content-length: 0", `content-length: ${smuggled.length}`]],
  ["the same length twice", ["content-length: 3", "content-length: 3"]],
  ["a list of lengths", ["content-length: 3, 3"]],
  ["a length with a sign", ["content-length: +3"]],
  ["a length in hexadecimal", ["content-length: 0x3"]],
  ["an encoding that is not quite chunked", ["transfer-encoding: xchunked"]],
  ["chunked and more", ["transfer-encoding: chunked, identity"]],
  ["chunked in disguise", ["transfer-encoding : chunked"]],
  ["chunked behind a tab", ["transfer-encoding:\tchunked\x0b"]],
  ["a folded header", ["x-folded: a\r\n transfer-encoding: chunked"]],
  ["a bare line feed", ["x-a: b\ntransfer-encoding: chunked"]],
  ["a bare carriage return", ["x-a: b\rtransfer-encoding: chunked"]],
])("%s is refused, and what follows is no request", async (_what, framing) => {
  const before = plane.upstream.seen.length;
  const { key } = plane.gateway;
  const request = head(key, { headers: ["host: a", ...goodHeaders(key), ...framing] });
  expect(await statusesAfter(`${request}0\r\n\r\n${smuggled}`)).toEqual([400]);
  expect(plane.upstream.seen.length).toBe(before);
});

test.each([
  ["line feeds alone", "GET /health HTTP/1.1\nhost: a\n\n"],
  ["a chunk whose length is wrong", `${chunkedHead()}5\r\nabc\r\n0\r\n\r\n`],
  ["a chunk whose length is no number", `${chunkedHead()}zz\r\nabc\r\n0\r\n\r\n`],
  ["a chunk of endless length", `${chunkedHead()}ffffffffffffffffff\r\nabc`],
])("%s: 400", async (_what, bytes) => {
  expect(await statusesAfter(bytes.replace("KEY", plane.gateway.key))).toEqual([400]);
});

function chunkedHead(): string {
  return head("KEY", { headers: ["host: a", ...goodHeaders("KEY"), "transfer-encoding: chunked"] });
}

test("of two authorizations the first counts, and neither goes up", async () => {
  const body = JSON.stringify(chatBody());
  for (const [keys, status] of [
    [[plane.gateway.key, "sk-wrong"], 200],
    [["sk-wrong", plane.gateway.key], 401],
  ] as const) {
    using client = openRaw(plane.gateway.url);
    const authorizations = keys.map((key) => `authorization: Bearer ${key}`);
    const more = ["content-type: application/json", `content-length: ${body.length}`];
    client.send(head("", { headers: ["host: a", ...authorizations, ...more] }) + body);
    expect((await client.answer()).status).toBe(status);
  }
  expect(plane.upstream.seen.at(-1)?.headers.authorization).toBe("Bearer sk-upstream");
});

test.each([
  ["no host", "GET /health HTTP/1.1\r\n\r\n", 200],
  ["an absolute URL", "GET http://elsewhere.example.com/health HTTP/1.1\r\nhost: a\r\n\r\n", 200],
  ["HTTP/1.0", "GET /health HTTP/1.0\r\n\r\n", 200],
  ["a path out of the root", "GET /v1/../../health HTTP/1.1\r\nhost: a\r\n\r\n", 200],
  ["two slashes", "GET //health HTTP/1.1\r\nhost: a\r\n\r\n", 404],
  ["a star", "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["an absolute URL that is none", "GET http:// HTTP/1.1\r\nhost: a\r\n\r\n", 400],
  ["a path that is no UTF-8", "GET /v1/%ff%fe HTTP/1.1\r\nhost: a\r\n\r\n", 404],
  ["a long path", `GET /${"a".repeat(20_000)} HTTP/1.1\r\nhost: a\r\n\r\n`, 404],
  ["TRACE", "TRACE /health HTTP/1.1\r\nhost: a\r\nx-secret: s\r\n\r\n", 405],
  ["QUERY", "QUERY /health HTTP/1.1\r\nhost: a\r\n\r\n", 405],
])("a request with %s is answered", async (_what, bytes, status) => {
  using client = openRaw(plane.gateway.url);
  client.send(bytes);
  const answer = await client.answer();
  expect(answer.status).toBe(status);
  expect(answer.text).not.toContain("x-secret");
});

test("a header of a megabyte is 431 for who reads the answer only afterwards", async () => {
  using client = openRaw(plane.gateway.url);
  client.send(wholeRequest("KEY", "{}", [`x-large: ${"a".repeat(1024 * 1024)}`]));
  await expectError(await client.answer(), { status: 431, code: "headers_too_large" });
  await client.untilOver();
});

test("a client that is turned away and keeps its half open is let go all the same", async () => {
  using client = openRaw(plane.gateway.url);
  client.send("nonsense\r\n\r\n");
  await client.untilOver();
  // Writing into a connection that the other side has given up brings a reset.
  await until("the gateway has given it up", () => {
    if (!client.socket.destroyed) client.send("more");
    return client.socket.destroyed;
  });
});

test("several requests sent at once are answered in their order", async () => {
  using client = openRaw(plane.gateway.url);
  const { key } = plane.gateway;
  client.send(
    wholeRequest(key, JSON.stringify(chatBody())) +
      head(key, { method: "GET", path: "/health", headers: ["host: a"] }) +
      head("sk-wrong", { method: "GET", path: "/v1/models" }),
  );
  const statuses = [await client.answer(), await client.answer(), await client.answer()];
  expect(statuses.map((answer) => answer.status)).toEqual([200, 200, 401]);
});

test("who sends several requests at once and leaves, leaves none of them behind", async () => {
  plane.upstream.answer(() => undefined);
  const client = openRaw(plane.gateway.url);
  client.send(wholeRequest(plane.gateway.key, JSON.stringify(chatBody())).repeat(20));
  await until("they are all with the provider", () => plane.upstream.openCount === 20);
  client.socket.destroy();
  await expectToWork();
});

test("slow heads and slow bodies are cut off, and hold up nobody meanwhile", async () => {
  const { key, url } = plane.gateway;
  const clients = Array.from({ length: 100 }, () => openRaw(url));
  clients.forEach((client, index) => {
    const request = wholeRequest(key, JSON.stringify(chatBody()), ["x-pad: aaaaaaaaaa"]);
    const sentAtOnce = index % 2 === 0 ? 20 : request.length - 10;
    client.send(request.slice(0, sentAtOnce));
  });
  const dripping = setInterval(() => {
    for (const client of clients) if (client.socket.writable) client.send("a");
  }, 50);
  expect((await plane.chat()).status).toBe(200);
  await until("all of them are cut off", () => clients.every((client) => client.isOver));
  clearInterval(dripping);
  const answers = clients.map((client) => client.received.slice(0, 12));
  expect(new Set(answers)).toEqual(new Set(["HTTP/1.1 408", "HTTP/1.1 400"]));
  for (const client of clients) client.socket.destroy();
  await expectToWork();
});

test("thousands of connections with garbage leave it as it was", async () => {
  const garbage = (seed: number): Buffer =>
    Buffer.from(
      Array.from({ length: 200 }, (_, at) => (seed * 31 + at * 17 + at * at * seed) & 255),
    );
  for (let round = 0; round < 10; round++) {
    const clients = Array.from({ length: 200 }, () => openRaw(plane.gateway.url));
    clients.forEach((client, index) => {
      client.send(garbage(round * 200 + index));
      if (index % 3 === 0) client.socket.destroySoon();
    });
    await until("they are over", () =>
      clients.every(({ isOver, socket }) => isOver || socket.closed),
    );
    for (const client of clients) client.socket.destroy();
  }
  await expectToWork();
});
