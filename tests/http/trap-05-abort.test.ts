import type { ServerResponse } from "node:http";

import OpenAI from "openai";
import { expect, test } from "vitest";

import { until } from "../support/gateway.ts";
import type { TestGateway } from "../support/gateway.ts";
import { chatBody, messages, shareOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { rawPost } from "../support/raw-client.ts";
import type { RawRequest } from "../support/raw-client.ts";
import { chatChunk, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { shareTargets } from "../support/targets.ts";

const startOneUpstream = shareOneUpstream();
const startTargets = shareTargets();

const sse = { "content-type": "text/event-stream" } as const;
const neverAnswers: Script = () => undefined;
const onlyHeaders: Script = (response) => {
  response.writeHead(200, sse).flushHeaders();
};
const oneEvent: Script = (response) =>
  void response.writeHead(200, sse).write(chatChunk({ content: "a" }));
const halfAnswer: Script = (response) =>
  void response.writeHead(200, { "content-type": "application/json" }).write('{"id":"half');

/** Writes for as long as anyone listens, and as fast as it is read. */
const endless: Script = (response) => {
  response.writeHead(200, sse);
  const more = (): void => {
    while (!response.destroyed && response.write(chatChunk({ content: "x".repeat(1_000) })));
  };
  response.on("drain", more);
  more();
};

async function untilLoggedAsLeft(gateway: TestGateway): Promise<void> {
  await until("it is logged that the client left", () =>
    gateway.lines.some(
      (line) => line["outcome"] === "client_closed_request" && line["status"] === 499,
    ),
  );
  await untilIdle(gateway);
}

async function untilIdle(gateway: TestGateway): Promise<void> {
  const running = async (): Promise<number> => {
    const health = (await (await gateway.fetch("/health")).json()) as { inflight_requests: number };
    return health.inflight_requests;
  };
  let count = await running();
  for (let round = 0; count > 0 && round < 50; round++) count = await running();
  expect(count).toBe(0);
}

const untilAsked = (plane: OneUpstream): Promise<void> =>
  until("the provider has the request", () => plane.upstream.seen.length === 1);

const bodies: Readonly<Record<string, object>> = {
  "/v1/chat/completions": chatBody(),
  "/v1/chat": chatBody(),
  "/v1/completions": { model: "m", prompt: "Hi" },
  "/v1/embeddings": { model: "m", input: "Hi" },
  "/v1/moderations": { model: "m", input: "Hi" },
  "/v1/responses": { model: "m", input: "Hi" },
};
const streamed: RawRequest = { body: chatBody({ stream: true }) };

const onEveryEndpoint: [string, RawRequest, Script][] = Object.entries(bodies).flatMap(
  ([path, body]) => [
    [`${path}, before the provider answers`, { path, body }, neverAnswers],
    [`${path}, in the middle of a whole answer`, { path, body }, halfAnswer],
  ],
);
const streams: [string, RawRequest, Script][] = [
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/responses",
].flatMap((path) => {
  const request = { path, body: { ...bodies[path], stream: true } };
  return [
    [`a stream of ${path}, before its headers`, request, neverAnswers],
    [`a stream of ${path}, after the provider's headers`, request, onlyHeaders],
  ];
});

test.each([...onEveryEndpoint, ...streams])(
  "a client who leaves ends the provider's work at once: %s",
  async (_name, request, script) => {
    await using plane = await startOneUpstream({ script });
    const client = rawPost(plane.gateway, request);
    await untilAsked(plane);
    expect(plane.upstream.openCount).toBe(1);
    client.socket.destroy();
    await until("the provider's request is over", () => plane.upstream.openCount === 0);
    await untilLoggedAsLeft(plane.gateway);
    expect(plane.upstream.seen).toHaveLength(1);
  },
);

test("a client who leaves a stream that has stalled ends the provider's work", async () => {
  await using plane = await startOneUpstream({ script: oneEvent });
  const client = rawPost(plane.gateway, streamed);
  await until("the first event is there", () => client.received.includes('"content":"a"'));
  client.socket.destroy();
  await until("the provider's request is over", () => plane.upstream.openCount === 0);
  await untilLoggedAsLeft(plane.gateway);
});

test("a client who leaves before the first token, after the headers, ends the provider's work", async () => {
  await using plane = await startOneUpstream({ script: onlyHeaders });
  const client = rawPost(plane.gateway, streamed);
  await until("the headers are there", () => client.received.includes("HTTP/1.1 200"));
  client.socket.destroy();
  await until("the provider's request is over", () => plane.upstream.openCount === 0);
  await untilLoggedAsLeft(plane.gateway);
});

test("a client who leaves while events are flowing ends the provider's work", async () => {
  await using plane = await startOneUpstream({ script: endless });
  const client = rawPost(plane.gateway, streamed);
  await until("the stream runs", () => client.received.length > 100_000);
  client.socket.resetAndDestroy();
  await until("the provider's request is over", () => plane.upstream.openCount === 0);
  await untilLoggedAsLeft(plane.gateway);
});

test("a client who leaves after it had stopped reading ends the provider's work", async () => {
  let upstreamResponse: ServerResponse | undefined;
  await using plane = await startOneUpstream({
    script: (response, request, socket) => {
      upstreamResponse = response;
      return endless(response, request, socket);
    },
  });
  const client = rawPost(plane.gateway, streamed);
  client.socket.pause();
  await until("the provider is held up", () => upstreamResponse?.writableNeedDrain === true);
  client.socket.destroy();
  await until("the provider's request is over", () => plane.upstream.openCount === 0);
  await untilLoggedAsLeft(plane.gateway);
});

test("a client who leaves during the pause before a retry gets no retry", async () => {
  const busy = whole({ error: { message: "busy" } }, { "retry-after-ms": "20000" }, 429);
  await using plane = await startOneUpstream({ script: busy });
  const client = rawPost(plane.gateway, { body: chatBody() });
  await untilAsked(plane);
  await until("the provider has answered", () => plane.upstream.openCount === 0);
  client.socket.destroy();
  await untilLoggedAsLeft(plane.gateway);
  expect(plane.upstream.seen).toHaveLength(1);
});

test("a client who leaves while a second target is asked gets no third", async () => {
  const scripts = { broken: whole({}, {}, 401), silent: neverAnswers, third: neverAnswers };
  await using plane = await startTargets(scripts);
  const client = rawPost(plane.gateway, { body: chatBody({ model: "fast" }) });
  const { silent } = plane.upstreams;
  await until("the second target is asked", () => silent.openCount === 1);
  client.socket.destroy();
  await until("it is let go", () => silent.openCount === 0);
  await untilLoggedAsLeft(plane.gateway);
  expect(plane.counts()).toEqual({ broken: 1, silent: 1, third: 0 });
});

test("a client who leaves while its body is on its way leaves nothing behind", async () => {
  await using plane = await startOneUpstream({ script: neverAnswers });
  const headers = { "content-length": "1000" };
  const client = rawPost(plane.gateway, { body: chatBody(), headers });
  await until("the request has begun", () => client.socket.bytesWritten > 0);
  client.socket.end();
  client.socket.destroySoon();
  await untilLoggedAsLeft(plane.gateway);
  expect(plane.upstream.seen).toHaveLength(0);
});

test("clients who leave while their keys are looked up leave nothing behind", async () => {
  await using plane = await startOneUpstream({ script: neverAnswers });
  const { gateway } = plane;
  const headers = { authorization: `Bearer ${gateway.adminToken}` };
  const makeKey = async (_: unknown, index: number): Promise<string> => {
    const wanted = { tenant: "default", name: `key-${index}`, role: "inference" };
    const made = await gateway.post("/admin/v1/keys", wanted, headers);
    return ((await made.json()) as { key: string }).key;
  };
  const keys = await Promise.all(Array.from({ length: 20 }, makeKey));
  // So much to read keeps the store busy, and each look-up waiting until its client has left.
  const reading = Array.from({ length: 60 }, () => gateway.fetch("/admin/v1/keys", { headers }));
  for (const key of keys) {
    const client = rawPost(gateway, {
      body: chatBody(),
      headers: { authorization: `Bearer ${key}` },
    });
    client.socket.write("", () => client.socket.destroy());
  }
  await Promise.all(reading.map(async (answer) => (await answer).arrayBuffer()));
  await until(
    "all of them are logged",
    () => gateway.lines.filter((line) => line["status"] === 499).length === keys.length,
  );
  await untilIdle(gateway);
  await until("no request to the provider is open", () => plane.upstream.openCount === 0);
});

test("OpenAI's own SDK ends the provider's work when its stream is left", async () => {
  await using plane = await startOneUpstream({ script: endless });
  const client = new OpenAI({ baseURL: `${plane.gateway.url}/v1`, apiKey: plane.gateway.key });
  const chunks = await client.chat.completions.create({
    model: "m",
    messages: [...messages],
    stream: true,
  });
  for await (const _chunk of chunks) break;
  await until("the provider's request is over", () => plane.upstream.openCount === 0);
  await untilLoggedAsLeft(plane.gateway);
});
