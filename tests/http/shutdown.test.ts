import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

import { expect, test } from "vitest";

import { expectError } from "../support/envelope.ts";
import { startGateway, until } from "../support/gateway.ts";
import { chatBody, startOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { goodHeaders, head, openRaw, wholeRequest } from "../support/raw-connection.ts";
import type { RawConnection } from "../support/raw-connection.ts";
import { chatChunk, completion, done, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";

/** Longer than any test takes: what ends sooner did not wait for it. */
const longMs = 15_000;
const shortMs = 100;
const drain = (ms: number): Readonly<Record<string, string>> => ({
  SENTINEL_DRAIN_TIMEOUT_MS: String(ms),
});

const patient = (idleMs: number) => ({
  ...drain(longMs),
  SENTINEL_DRAIN_IDLE_MS: String(idleMs),
});

/** An upstream's answer that begins, and goes on when told to. */
function heldBack(begin: Script, end: Script): { script: Script; release: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const script: Script = async (...given) => {
    await begin(...given);
    await promise;
    await end(...given);
  };
  return { script, release: () => resolve(undefined) };
}

const firstWord: Script = (response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(chatChunk({ content: "Hi" }));
};
const lastWord: Script = (response) => void response.end(chatChunk({}, "stop") + done);
const nothing: Script = () => undefined;

/** A stream that runs, and the way to end it. */
async function runningStream(plane: OneUpstream) {
  const { script, release } = heldBack(firstWord, lastWord);
  plane.upstream.answer(script);
  const stream = readStream(await plane.chat({ stream: true }));
  await stream.untilText("Hi");
  return { stream, release };
}

async function expectRefused(url: string): Promise<void> {
  const late = openRaw(url);
  await late.untilOver();
  expect(late.received).toBe("");
}

/** A connection that waits for another request, having had one answered. */
async function idleConnection(url: string): Promise<RawConnection> {
  const connection = openRaw(url);
  connection.send(head("", { method: "GET", path: "/health/ready", headers: ["host: a"] }));
  expect((await connection.answer()).status).toBe(200);
  return connection;
}

test("a stream that runs is heard to its end, and only then is the gateway gone", async () => {
  await using plane = await startOneUpstream({ env: drain(longMs) });
  const { stream, release } = await runningStream(plane);
  let isClosed = false;
  const closing = plane.gateway.close().then(() => {
    isClosed = true;
  });
  await expectRefused(plane.gateway.url);
  expect(isClosed).toBe(false);
  release();
  expect(await stream.toEnd()).toBe("whole");
  expect(stream.data.at(-1)).toBe("[DONE]");
  await closing;
});

test("a whole answer that is awaited arrives", async () => {
  await using plane = await startOneUpstream({ env: drain(longMs) });
  const { script, release } = heldBack(nothing, whole(completion("ok")));
  plane.upstream.answer(script);
  const asked = plane.chat();
  await until("it is with the provider", () => plane.upstream.openCount === 1);
  const closing = plane.gateway.close();
  release();
  const answer = await asked;
  expect(answer.status).toBe(200);
  expect(answer.headers.get("connection")).toBe("close");
  await closing;
});

test("a request to the control plane that has begun is answered", async () => {
  await using plane = await startOneUpstream({ env: drain(longMs) });
  using client = openRaw(plane.gateway.url);
  const body = '{"name":"Acme"}';
  const length = `content-length: ${body.length}`;
  const headers = ["host: a", ...goodHeaders(plane.gateway.adminToken), length];
  client.send(head("", { path: "/admin/v1/tenants", headers }) + body.slice(0, 5));
  // The body of a request that is with its route is asked for; one that waits unread is not.
  await plane.gateway.fetch("/health");
  const closing = plane.gateway.close();
  client.send(body.slice(5));
  expect((await client.answer()).status).toBe(201);
  await closing;
});

test("at the cap a stream ends with an error event and a cut connection", async () => {
  await using plane = await startOneUpstream({ env: drain(shortMs) });
  const { stream } = await runningStream(plane);
  const closing = plane.gateway.close();
  expect(await stream.toEnd()).toBe("cut");
  const last = JSON.parse(stream.data.at(-1) ?? "") as { error: Record<string, unknown> };
  expect(last.error).toMatchObject({ type: "api_error", param: null, code: "shutting_down" });
  expect(stream.text).not.toContain("[DONE]");
  await closing;
  await until("the provider was let go", () => plane.upstream.openCount === 0);
});

test("at the cap a Responses stream says so in an event of its own", async () => {
  await using plane = await startOneUpstream({ env: drain(shortMs) });
  plane.upstream.answer((response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write('event: response.created\ndata: {"type":"response.created"}\n\n');
  });
  const body = { model: "m", input: "Hi", stream: true };
  const stream = readStream(await plane.gateway.post("/v1/responses", body));
  await stream.untilText("response.created");
  const closing = plane.gateway.close();
  expect(await stream.toEnd()).toBe("cut");
  expect(stream.text).toMatch(/event: error\ndata: .*shutting_down/);
  await closing;
});

test("at the cap a request without an answer is 503, and may be tried again", async () => {
  await using plane = await startOneUpstream({ env: drain(shortMs), script: nothing });
  const asked = plane.chat();
  await until("it is with the provider", () => plane.upstream.openCount === 1);
  const closing = plane.gateway.close();
  const answer = await asked;
  await expectError(answer, { status: 503, type: "api_error", code: "shutting_down" });
  expect(answer.headers.get("retry-after")).toBe("1");
  expect(answer.headers.get("connection")).toBe("close");
  await closing;
  await until("the provider was let go", () => plane.upstream.openCount === 0);
});

test("who has begun to ask whether it is ready hears that it drains, and to go", async () => {
  await using plane = await startOneUpstream({ env: patient(300) });
  const { stream, release } = await runningStream(plane);
  using ready = openRaw(plane.gateway.url);
  using health = openRaw(plane.gateway.url);
  ready.send("GET /health/ready HTTP/1.1\r\n");
  health.send("GET /health HTTP/1.1\r\n");
  await plane.gateway.fetch("/health/live"); // Both have been read by the time that this is answered.

  const closing = plane.gateway.close();
  ready.send("host: a\r\n\r\n");
  health.send("host: a\r\n\r\n");
  const answer = await ready.answer();
  expect([answer.status, answer.text]).toEqual([503, '{"status":"draining"}']);
  expect(answer.headers.get("connection")).toBe("close");
  expect(JSON.parse((await health.answer()).text)).toMatchObject({ status: "draining" });
  await ready.untilOver();
  release();
  await stream.toEnd();
  await closing;
});

test("who asks once more on a kept connection, or for the first time on a new one, is answered and told to go", async () => {
  await using plane = await startOneUpstream({ env: patient(longMs) });
  using kept = await idleConnection(plane.gateway.url);
  using fresh = openRaw(plane.gateway.url);
  await once(fresh.socket, "connect");
  const closing = plane.gateway.close();
  for (const client of [kept, fresh]) {
    client.send(head("", { method: "GET", path: "/health/ready", headers: ["host: a"] }));
    const answer = await client.answer();
    expect([answer.status, answer.headers.get("connection")]).toEqual([503, "close"]);
    await client.untilOver();
  }
  await closing;
});

test("a request that waits for its 100 Continue is answered", async () => {
  await using plane = await startOneUpstream({ env: drain(longMs) });
  const { script, release } = heldBack(nothing, whole(completion("ok")));
  plane.upstream.answer(script);
  using client = openRaw(plane.gateway.url);
  client.send(
    wholeRequest(plane.gateway.key, JSON.stringify(chatBody()), ["expect: 100-continue"]),
  );
  await until("it is with the provider", () => plane.upstream.openCount === 1);
  const closing = plane.gateway.close();
  release();
  await until("the answer has come", () => client.received.includes('"content":"ok"'));
  await closing;
});

test("an admin port can be asked to the end: a probe there hears of the draining, on a new connection", async () => {
  const env = { ...drain(longMs), SENTINEL_ADMIN_PORT: "0" };
  await using plane = await startOneUpstream({ env });
  const { url, adminUrl = "" } = plane.gateway;
  const { stream, release } = await runningStream(plane);
  const closing = plane.gateway.close();
  await expectRefused(url);
  expect((await fetch(`${adminUrl}/health/live`)).status).toBe(200);
  const ready = await fetch(`${adminUrl}/health/ready`);
  expect([ready.status, await ready.json()]).toEqual([503, { status: "draining" }]);
  release();
  expect(await stream.toEnd()).toBe("whole");
  await closing;
  await expectRefused(adminUrl);
});

test("where connections are not kept, those that wait for a request are closed at once, while a stream still runs", async () => {
  await using plane = await startOneUpstream({ env: drain(longMs) });
  const { stream, release } = await runningStream(plane);
  using idle = await idleConnection(plane.gateway.url);
  const closing = plane.gateway.close();
  await idle.untilOver();
  release();
  expect(await stream.toEnd()).toBe("whole");
  await closing;
});

test("where nothing runs nobody is waited for: idle, silent and half-said alike", async () => {
  const startedMs = performance.now();
  await using plane = await startOneUpstream({ env: drain(longMs) });
  using idle = await idleConnection(plane.gateway.url);
  using silent = openRaw(plane.gateway.url);
  using halfSaid = openRaw(plane.gateway.url);
  halfSaid.send("POST /v1/chat/completions HTTP/1.1\r\nhost:");
  await plane.gateway.fetch("/health");
  await plane.gateway.close();
  expect(performance.now() - startedMs).toBeLessThan(longMs / 3);
  await Promise.all([idle, silent, halfSaid].map((client) => client.untilOver()));
});

test("an admin port serves the control plane alone, and the other everything else", async () => {
  const env = { ...drain(shortMs), SENTINEL_ADMIN_PORT: "0" };
  await using plane = await startOneUpstream({ env, script: whole(completion("ok")) });
  const { url, adminUrl = "", adminToken, key } = plane.gateway;
  expect(new URL(adminUrl).port).not.toBe(new URL(url).port);
  const asAdmin = { headers: { authorization: `Bearer ${adminToken}` } };
  const asCaller = { headers: { authorization: `Bearer ${key}` } };

  expect((await fetch(`${adminUrl}/admin/v1/tenants`, asAdmin)).status).toBe(200);
  const notHere = await fetch(`${url}/admin/v1/tenants`, asAdmin);
  await expectError(notHere, { status: 404, code: "not_found" });

  expect((await plane.chat()).status).toBe(200);
  for (const path of ["/v1/models", "/v1/chat/completions"]) {
    const missing = await fetch(adminUrl + path, asCaller);
    await expectError(missing, { status: 404, code: "not_found" });
  }
  for (const base of [url, adminUrl]) {
    expect((await fetch(`${base}/health/ready`)).status).toBe(200);
  }
  await plane.gateway.close();
  for (const base of [url, adminUrl]) await expectRefused(base);
});

test.each(["SENTINEL_PORT", "SENTINEL_ADMIN_PORT"])(
  "%s that is in use is named, with what to do, and nothing stays open",
  async (variable) => {
    await using taken = await silentServer();
    const starting = startGateway({ env: { [variable]: String(taken.port) } });
    await expect(starting).rejects.toThrow(
      new RegExp(`^${variable}: port ${taken.port} is in use\\. .*${variable}=\\d+`),
    );
  },
);

test("a body that is still coming at the cap does not keep the gateway", async () => {
  await using plane = await startOneUpstream({ env: drain(shortMs) });
  using client = openRaw(plane.gateway.url);
  const { key } = plane.gateway;
  client.send(head(key, { headers: ["host: a", ...goodHeaders(key), "content-length: 99"] }));
  client.send(JSON.stringify(chatBody()).slice(0, 9));
  await plane.gateway.fetch("/health");
  await plane.gateway.close();
  await client.untilOver();
});

/** Takes connections and never says a word. */
async function silentServer() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connectionCount: () => sockets.size,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
