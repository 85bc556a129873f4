import type { Socket } from "node:net";

import { expect, test } from "vitest";

import { until } from "../support/gateway.ts";
import { shareOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { chatChunk, completion, done, stream, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

const answer = whole(completion("ok"));
const events = stream([chatChunk({ content: "a" }, "stop"), done]);
/** An alias that is tried once. */
const models = { once: { retries: 0, targets: [{ provider: "test", model: "m" }] } };

/** Answers the first request on each connection, and does this to the others. */
function thenOnReuse(first: Script, others: Script): Script {
  const used = new WeakSet<Socket>();
  return (response, request, socket) => {
    const script = used.has(socket) ? others : first;
    used.add(socket);
    return script(response, request, socket);
  };
}

const reset: Script = (_response, _request, socket) => void socket.resetAndDestroy();
const close: Script = (_response, _request, socket) => void socket.destroy();

async function ask(plane: OneUpstream, fields: object = {}): Promise<Response> {
  const response = await plane.chat({ model: "once", ...fields });
  await response.arrayBuffer();
  return response;
}

test("requests one after another share one connection, whole and streamed", async () => {
  await using plane = await startOneUpstream({ models });
  for (let round = 0; round < 6; round++) {
    const isStream = round % 2 === 0;
    plane.upstream.answer(isStream ? events : answer);
    expect((await ask(plane, { stream: isStream })).status).toBe(200);
    await until("the provider is done", () => plane.upstream.openCount === 0);
  }
  expect(plane.upstream.connectionCount).toBe(1);
});

test("a refusal leaves its connection in use", async () => {
  await using plane = await startOneUpstream({ models, script: whole({ error: {} }, {}, 400) });
  for (let round = 0; round < 4; round++) expect((await ask(plane)).status).toBe(400);
  expect(plane.upstream.connectionCount).toBe(1);
});

test("requests at once each have a connection, which later ones use again", async () => {
  await using plane = await startOneUpstream({ models, script: answer });
  for (let round = 0; round < 3; round++) {
    const responses = await Promise.all(Array.from({ length: 10 }, () => ask(plane)));
    expect(responses.every((response) => response.status === 200)).toBe(true);
  }
  expect(plane.upstream.connectionCount).toBeLessThanOrEqual(10);
});

test("connections that the provider drops while they are idle cost no request", async () => {
  await using plane = await startOneUpstream({ models, script: answer });
  for (let round = 0; round < 30; round++) {
    const [response] = await Promise.all([ask(plane), ask(plane)]);
    expect(response.status).toBe(200);
    expect(response.headers.get("x-sentinel-attempts")).toBe("1");
    plane.upstream.dropIdleConnections();
  }
});

test.each([
  ["resets", reset],
  ["closes", close],
])(
  "a used connection that %s on the next request is replaced once, unseen",
  async (_name, dies) => {
    await using plane = await startOneUpstream({ models, script: thenOnReuse(answer, dies) });
    // The second and the fourth are asked twice: on the used connection, and on a fresh one.
    for (const asked of [1, 3, 4, 6]) {
      const response = await ask(plane);
      expect(response.status).toBe(200);
      expect(response.headers.get("x-sentinel-attempts")).toBe("1");
      expect(plane.upstream.seen).toHaveLength(asked);
    }
  },
);

test("the same for a stream", async () => {
  await using plane = await startOneUpstream({ models, script: thenOnReuse(events, reset) });
  await ask(plane, { stream: true });
  await until("the provider is done", () => plane.upstream.openCount === 0);
  const client = readStream(await plane.chat({ model: "once", stream: true }));
  expect(await client.toEnd()).toBe("whole");
  expect(plane.upstream.seen).toHaveLength(3);
});

test("a fresh connection that dies unanswered is not tried again beyond the normal rules", async () => {
  await using plane = await startOneUpstream({ models, script: reset });
  const response = await ask(plane);
  expect(response.status).toBe(502);
  expect(response.headers.get("x-sentinel-attempts")).toBe("1");
  expect(plane.upstream.seen).toHaveLength(1);
});

test("if the fresh connection dies as well, that is that", async () => {
  await using plane = await startOneUpstream({ models, script: answer });
  await ask(plane);
  plane.upstream.answer(reset);
  expect((await ask(plane)).status).toBe(502);
  expect(plane.upstream.seen).toHaveLength(3);
});

test("a used connection that dies in the middle of an answer is not asked again", async () => {
  await using plane = await startOneUpstream({ models, script: answer });
  await ask(plane);
  plane.upstream.answer((response, _request, socket) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write('{"id":', () => setImmediate(() => socket.resetAndDestroy()));
  });
  expect((await ask(plane)).status).toBe(502);
  expect(plane.upstream.seen).toHaveLength(2);
});

test("a retry by the rules goes out on a connection that works", async () => {
  await using plane = await startOneUpstream({ script: answer });
  await plane.chat();
  let failures = 0;
  plane.upstream.answer((response, request, socket) =>
    failures++ < 2 ? reset(response, request, socket) : answer(response, request, socket),
  );
  const response = await plane.chat();
  expect(response.status).toBe(200);
  expect(response.headers.get("x-sentinel-attempts")).toBe("2");
});

test("an idle connection is closed by Sentinel before the provider would", async () => {
  await using plane = await startOneUpstream({
    models,
    script: answer,
    provider: { keep_alive_ms: 50 },
  });
  await ask(plane);
  await until("the connection is closed", () => plane.upstream.idleConnectionCount === 0);
  await ask(plane);
  expect(plane.upstream.connectionCount).toBe(2);
});

test("a stream that a client leaves does not leave a connection in the pool", async () => {
  await using plane = await startOneUpstream({
    script: (response) =>
      void response
        .writeHead(200, { "content-type": "text/event-stream" })
        .write(chatChunk({ content: "a" })),
  });
  const client = readStream(await plane.chat({ stream: true }));
  await client.untilText("data:");
  await client.cancel();
  await until("the provider's request is over", () => plane.upstream.openCount === 0);
  plane.upstream.answer(answer);
  expect((await plane.chat()).status).toBe(200);
  expect(plane.upstream.connectionCount).toBe(2);
});
