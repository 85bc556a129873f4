import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

import { expect, test } from "vitest";

import { startGateway, until } from "../support/gateway.ts";
import { chatBody, impatient, yamlOf } from "../support/one-upstream.ts";
import { chatChunk, completion, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { chunksOf, readStream } from "../support/stream-client.ts";
import { asked, shareTargets } from "../support/targets.ts";

const startTargets = shareTargets();

const good = whole(completion("ok"));
const never: Script = () => undefined;
const json = { "content-type": "application/json" } as const;
const sse = { "content-type": "text/event-stream" } as const;

/** Sends one of these every 20 ms for as long as anyone listens. */
const trickle =
  (text: string, headers: Record<string, string>): Script =>
  (response) => {
    response.writeHead(200, headers);
    const timer = setInterval(() => response.write(text), 20);
    response.once("close", () => {
      clearInterval(timer);
    });
  };

/** Headers, then silence. */
const onlyHeaders =
  (headers: Record<string, string>): Script =>
  (response) => {
    response.writeHead(200, headers).flushHeaders();
  };

/** A server that takes connections and never says a word, so that TLS never stands. */
async function startMute(): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((socket) => void socket.resume().on("error", () => undefined));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}/v1`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

test("a connection that does not stand in time is 504, and the message names the deadline", async () => {
  await using mute = await startMute();
  const deadlines = { connect_ms: 100 };
  const test = { type: "openai-compatible", base_url: mute.url, models: ["m"], deadlines };
  await using gateway = await startGateway({
    env: impatient,
    yaml: yamlOf({ providers: { test }, defaults: { retries: 0 } }),
  });
  const startedMs = performance.now();
  const answer = await asked(await gateway.post("/v1/chat/completions", chatBody()));
  expect(answer.status).toBe(504);
  expect(answer.error).toMatchObject({ code: "upstream_timeout" });
  expect(answer.error.message).toContain("connect deadline");
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});

const missed: [string, string, object, Script][] = [
  ["no answer", "first byte", { first_byte_ms: 100 }, never],
  ["headers and nothing else", "first byte", { first_byte_ms: 100 }, onlyHeaders(json)],
  [
    "half an answer",
    "idle",
    { idle_ms: 100 },
    (response) => void response.writeHead(200, json).write("{"),
  ],
  ["an answer that never ends", "total", { total_ms: 200, idle_ms: 150 }, trickle(" ", json)],
  ["no answer at all", "total", { total_ms: 100 }, never],
];

test.each(missed)(
  "%s past the %s deadline is 504, and the message names it",
  async (_name, which, deadlines, script) => {
    await using plane = await startTargets({ one: script }, { provider: { deadlines } });
    const startedMs = performance.now();
    const answer = await plane.ask();
    const spentMs = performance.now() - startedMs;
    expect(answer.status).toBe(504);
    expect(answer.error).toMatchObject({
      type: "api_error",
      code: "upstream_timeout",
      param: null,
    });
    expect(answer.error.message).toContain(`the ${which} deadline`);
    expect(spentMs).toBeGreaterThan(95);
    expect(spentMs).toBeLessThan(3_000);
    await until("the provider is let go", () => plane.upstreams.one.openCount === 0);
    expect(plane.gateway.lines.at(-1)).toMatchObject({ status: 504, outcome: "upstream_timeout" });
  },
);

test.each([
  ["first byte", { first_byte_ms: 100 }, onlyHeaders(sse)],
  ["first byte", { first_byte_ms: 100 }, never],
  ["total", { total_ms: 150 }, trickle(": thinking\n\n", sse)],
] as [string, object, Script][])(
  "a stream without an event past the %s deadline, before its headers went out, is 504",
  async (which, deadlines, script) => {
    await using plane = await startTargets({ one: script }, { provider: { deadlines } });
    const answer = await plane.ask({ stream: true });
    expect(answer.status).toBe(504);
    expect(answer.error.message).toContain(`the ${which} deadline`);
  },
);

test.each([
  ["first byte", { first_byte_ms: 700 }, onlyHeaders(sse)],
  [
    "idle",
    { idle_ms: 100 },
    (response) => void response.writeHead(200, sse).write(chatChunk({ content: "a" })),
  ],
  ["total", { total_ms: 300 }, trickle(chatChunk({ content: "a" }), sse)],
] as [string, object, Script][])(
  "a stream that misses the %s deadline after its headers went out ends with an error event",
  async (which, deadlines, script) => {
    await using plane = await startTargets({ one: script }, { provider: { deadlines } });
    const body = chatBody({ model: "fast", stream: true });
    const client = readStream(await plane.gateway.post("/v1/chat/completions", body));
    expect(await client.toEnd()).toBe("cut");
    const told = chunksOf(client.data).at(-1)?.error;
    expect(told?.code).toBe("upstream_timeout");
    expect(told?.message).toContain(`the ${which} deadline`);
    await until("the provider is let go", () => plane.upstreams.one.openCount === 0);
  },
);

test("chunks that keep coming do not miss the idle deadline", async () => {
  await using plane = await startTargets(
    {
      one: (response) => {
        response.writeHead(200, json);
        const text = JSON.stringify(completion("ok"));
        let at = 0;
        const timer = setInterval(() => {
          response.write(text.slice(at, at + 40));
          at += 40;
          if (at < text.length) return;
          clearInterval(timer);
          response.end();
        }, 50);
      },
    },
    { provider: { deadlines: { idle_ms: 400 } } },
  );
  expect((await plane.ask()).status).toBe(200);
});

test("the nearest deadline of target, alias, provider and defaults is the target's own", async () => {
  await using plane = await startTargets(
    { one: never },
    {
      provider: { deadlines: { first_byte_ms: 60_000 } },
      alias: {
        deadlines: { first_byte_ms: 30_000 },
        targets: [{ provider: "one", model: "m", deadlines: { first_byte_ms: 100 } }],
      },
    },
  );
  expect((await plane.ask()).error.message).toContain("first byte");
});

test("the time that a client gives goes for all targets and retries together", async () => {
  await using plane = await startTargets({ one: never, two: good }, { alias: { retries: 3 } });
  const startedMs = performance.now();
  const answer = await plane.ask({}, { "x-sentinel-timeout-ms": "150" });
  expect(answer.status).toBe(504);
  expect(answer.error.message).toContain("the total deadline");
  expect(performance.now() - startedMs).toBeLessThan(1_000);
  expect(plane.counts()).toEqual({ one: 1, two: 0 });
});

test("a client's own deadline ends retries, and the last failure is told", async () => {
  const failing = whole({ error: { message: "down" } }, { "retry-after-ms": "60" }, 500);
  await using plane = await startTargets({ one: failing }, { alias: { retries: 10 } });
  const answer = await plane.ask({}, { "x-sentinel-timeout-ms": "150" });
  expect(answer.status).toBe(502);
  expect(plane.counts().one).toBeLessThanOrEqual(3);
});

test("a client's patience that ran out does not count against the target", async () => {
  const breaker = { consecutive_failures: 2, open_ms: 60_000 };
  await using plane = await startTargets({ one: never }, { provider: { breaker } });
  for (let asks = 0; asks < 3; asks++) {
    expect((await plane.ask({}, { "x-sentinel-timeout-ms": "50" })).status).toBe(504);
  }
  plane.upstreams.one.answer(good);
  expect((await plane.ask()).status).toBe(200);
});

test.each(["0", "-1", "1.5", "soon", "", "86400001"])(
  "x-sentinel-timeout-ms of '%s' is the caller's mistake",
  async (header) => {
    await using plane = await startTargets({ one: good });
    const answer = await plane.ask({}, { "x-sentinel-timeout-ms": header });
    expect(answer.status).toBe(400);
    expect(answer.error.param).toBe("x-sentinel-timeout-ms");
    expect(plane.counts()).toEqual({ one: 0 });
  },
);
