import { expect, test } from "vitest";

import { until } from "../support/gateway.ts";
import { chatChunk, completion, done, stream, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";
import { shareTargets } from "../support/targets.ts";
import type { Asked, Targets } from "../support/targets.ts";

const startTargets = shareTargets();

const good = whole(completion("ok"));
const status = (code: number, headers: Record<string, string> = {}): Script =>
  whole({ error: { message: `status ${code}` } }, { "retry-after-ms": "1", ...headers }, code);
const reset: Script = (_response, _request, socket) => void socket.resetAndDestroy();

/** These answers one after another; the last one stays. */
function inTurn(...scripts: readonly Script[]): Script {
  let turn = 0;
  return (response, request, socket) => {
    const script = scripts[Math.min(turn++, scripts.length - 1)];
    return script?.(response, request, socket);
  };
}

test.each([
  ["408", status(408)],
  ["409", status(409)],
  ["429", status(429)],
  ["500", status(500)],
  ["503", status(503)],
  ["a reset", reset],
  ["an error in place of an answer", whole({ error: { message: "x" } })],
  ["a stream that breaks off before its first event", stream([": hello\n\n"])],
])("after %s the same target is tried again", async (_name, script) => {
  const answer = stream([chatChunk({ content: "a" }, "stop"), done]);
  await using plane = await startTargets(
    { one: inTurn(script, script, answer), two: good },
    { alias: { retries: 2 } },
  );
  const { status: code, headers } = await plane.ask({ stream: true });
  expect(code).toBe(200);
  expect(headers.get("x-sentinel-provider")).toBe("one");
  expect(headers.get("x-sentinel-attempts")).toBe("3");
  expect(plane.counts()).toEqual({ one: 3, two: 0 });
});

test("after its retries the next target is asked", async () => {
  await using plane = await startTargets(
    { one: status(500), two: good },
    { alias: { retries: 2 } },
  );
  const answer = await plane.ask();
  expect(answer.headers.get("x-sentinel-provider")).toBe("two");
  expect(answer.headers.get("x-sentinel-attempts")).toBe("4");
  expect(plane.counts()).toEqual({ one: 3, two: 1 });
});

test.each([
  ["says so by x-should-retry", status(500, { "x-should-retry": "false" })],
  ["has no quota left", whole({ error: { message: "x", code: "insufficient_quota" } }, {}, 429)],
])("a provider that %s is not tried again, and the next one is asked", async (_name, script) => {
  await using plane = await startTargets({ one: script, two: good }, { alias: { retries: 2 } });
  const answer = await plane.ask();
  expect(answer.headers.get("x-sentinel-provider")).toBe("two");
  expect(plane.counts()).toEqual({ one: 1, two: 1 });
});

test("a request is sent again as it was", async () => {
  await using plane = await startTargets(
    { one: inTurn(status(500), good) },
    { alias: { retries: 1 } },
  );
  await plane.ask({ unknown: 1.5 });
  const [first, second] = plane.upstreams.one.seen;
  expect(second?.body).toEqual(first?.body);
});

test.each([
  ["retry-after-ms", { "retry-after-ms": "300" }],
  ["retry-after-ms before retry-after", { "retry-after-ms": "300", "retry-after": "20" }],
])("the pause that the provider asks for is kept (%s)", async (_name, headers) => {
  await using plane = await startTargets(
    { one: inTurn(status(429, headers), good) },
    { alias: { retries: 1 } },
  );
  const startedMs = performance.now();
  expect((await plane.ask()).status).toBe(200);
  expect(performance.now() - startedMs).toBeGreaterThan(295);
});

test("`retry-after` in seconds is kept, where nobody else could answer", async () => {
  const busy = whole({ error: { message: "busy" } }, { "retry-after": "1" }, 429);
  await using plane = await startTargets({ one: inTurn(busy, good) }, { alias: { retries: 1 } });
  const startedMs = performance.now();
  expect((await plane.ask()).status).toBe(200);
  expect(performance.now() - startedMs).toBeGreaterThan(995);
});

test("a target that asks for more patience than another one needs is left at once", async () => {
  await using plane = await startTargets(
    { one: status(429, { "retry-after-ms": "5000" }), two: good },
    { alias: { retries: 2 } },
  );
  const startedMs = performance.now();
  const answer = await plane.ask();
  expect(answer.headers.get("x-sentinel-provider")).toBe("two");
  expect(performance.now() - startedMs).toBeLessThan(2_000);
  expect(plane.counts()).toEqual({ one: 1, two: 1 });
});

test("a pause that would outlast the client's own patience is not made", async () => {
  const busy = status(429, { "retry-after-ms": "5000" });
  await using plane = await startTargets({ one: busy }, { alias: { retries: 2 } });
  const answer = await plane.ask({}, { "x-sentinel-timeout-ms": "1000" });
  expect(answer.status).toBe(429);
  expect(answer.headers.get("retry-after-ms")).toBe("5000");
  expect(answer.error.message).toBe("status 429");
  expect(plane.counts()).toEqual({ one: 1 });
});

test("a pause that is too long to be worth it is left to the client", async () => {
  const busy = whole({ error: { message: "busy" } }, { "retry-after": "3600" }, 503);
  await using plane = await startTargets({ one: busy }, { alias: { retries: 2 } });
  const answer = await plane.ask();
  expect(answer.status).toBe(502);
  expect(answer.headers.get("retry-after")).toBe("3600");
  expect(plane.counts()).toEqual({ one: 1 });
});

const noBreaker = { consecutive_failures: 10_000, minimum_requests: 1_000_000 };

test("retries stay few when everything fails", async () => {
  const options = { provider: { breaker: noBreaker }, alias: { retries: 2 } };
  await using plane = await startTargets({ one: status(500) }, options);
  const requests = 60;
  for (let sent = 0; sent < requests; sent++) expect((await plane.ask()).status).toBe(502);
  const retries = plane.counts().one - requests;
  // One for every five requests, and ten in reserve.
  expect(retries).toBeGreaterThanOrEqual(10);
  expect(retries).toBeLessThanOrEqual(requests / 5 + 10);
});

const breaker = { consecutive_failures: 3, open_ms: 150 };

/** Fails until its breaker is open. */
async function open<Name extends string>(plane: Targets<Name>): Promise<Asked> {
  for (;;) {
    const answer = await plane.ask();
    if (answer.status === 503) return answer;
    expect(answer.status).toBe(502);
  }
}

/** Asks again and again until an answer comes. */
async function untilAnswered<Name extends string>(plane: Targets<Name>): Promise<void> {
  for (let asks = 0; (await plane.ask()).status !== 200; asks++) expect(asks).toBeLessThan(2_000);
}

test("a target that keeps failing is given a rest, and comes back after it", async () => {
  await using plane = await startTargets({ one: status(500) }, { provider: { breaker } });
  const answer = await open(plane);
  expect(plane.counts().one).toBe(3);
  expect(answer.error.code).toBe("no_healthy_upstream");
  expect(answer.headers.get("retry-after")).toBe("1");
  const retryAfterMs = Number(answer.headers.get("retry-after-ms"));
  expect(retryAfterMs).toBeGreaterThan(0);
  expect(retryAfterMs).toBeLessThanOrEqual(150);
  expect(answer.headers.get("x-sentinel-attempts")).toBe("0");

  plane.upstreams.one.answer(good);
  await untilAnswered(plane);
  expect(plane.counts().one).toBe(4);
  for (let asks = 0; asks < 5; asks++) expect((await plane.ask()).status).toBe(200);
});

test("a probe that fails makes the rest longer", async () => {
  await using plane = await startTargets({ one: status(500) }, { provider: { breaker } });
  await open(plane);
  let answer = await plane.ask();
  while (answer.status === 503) answer = await plane.ask();
  expect(answer.status).toBe(502);
  expect(Number((await plane.ask()).headers.get("retry-after-ms"))).toBeGreaterThan(150);
});

test("while a target is tried for its health, one request goes there and the others do not", async () => {
  await using plane = await startTargets({ one: status(500) }, { provider: { breaker } });
  await open(plane);
  const gate = Promise.withResolvers<undefined>();
  plane.upstreams.one.answer(async (response, request, socket) => {
    await gate.promise;
    return good(response, request, socket);
  });
  const before = plane.counts().one;
  const probing: Promise<Asked>[] = [];
  while (plane.counts().one === before) {
    const asking = plane.ask();
    probing.push(asking);
    await Promise.race([asking, until("it is asked", () => plane.counts().one > before)]);
  }
  const others = await Promise.all(Array.from({ length: 5 }, () => plane.ask()));
  expect(others.every((answer) => answer.error.code === "no_healthy_upstream")).toBe(true);
  expect(plane.counts().one).toBe(before + 1);
  gate.resolve(undefined);
  expect((await probing.at(-1))?.status).toBe(200);
  expect((await plane.ask()).status).toBe(200);
});

test("a stream that is under way shows that its target is healthy again", async () => {
  await using plane = await startTargets({ one: status(500) }, { provider: { breaker } });
  await open(plane);
  plane.upstreams.one.answer((response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chatChunk({ content: "a" }));
  });
  const { gateway } = plane;
  const body = { model: "fast", stream: true, messages: [{ role: "user", content: "Hi" }] };
  let response = await gateway.post("/v1/chat/completions", body);
  while (response.status !== 200) response = await gateway.post("/v1/chat/completions", body);
  const running = readStream(response);
  await running.untilText('"a"');
  plane.upstreams.one.answer(good);
  expect((await plane.ask()).status).toBe(200);
  await running.cancel();
});

test("a target that rests costs a request no time where another one answers", async () => {
  await using plane = await startTargets(
    { one: status(500), two: good },
    { provider: { breaker: { consecutive_failures: 3, open_ms: 60_000 } } },
  );
  for (let asks = 0; asks < 6; asks++) expect((await plane.ask()).status).toBe(200);
  expect(plane.counts()).toEqual({ one: 3, two: 6 });
  expect((await plane.ask()).headers.get("x-sentinel-attempts")).toBe("1");
});

test("streams that break off count against their target", async () => {
  const broken = stream([chatChunk({ content: "a" })]);
  await using plane = await startTargets({ one: broken }, { provider: { breaker } });
  for (let streams = 0; streams < 3; streams++) {
    const client = await plane.gateway.post("/v1/chat/completions", {
      model: "fast",
      stream: true,
      messages: [{ role: "user", content: "Hi" }],
    });
    expect(await readStream(client).toEnd()).toBe("cut");
  }
  expect((await plane.ask()).status).toBe(503);
});

test.each([400, 401, 404, 429])("answers of %i do not count against their target", async (code) => {
  await using plane = await startTargets({ one: status(code) }, { provider: { breaker } });
  for (let asks = 0; asks < 5; asks++) expect((await plane.ask()).status).toBe(code);
});

test("clients who leave do not count against their target", async () => {
  await using plane = await startTargets({ one: () => undefined }, { provider: { breaker } });
  for (let leavers = 1; leavers <= 5; leavers++) {
    const leaving = new AbortController();
    const asking = plane.gateway.fetch("/v1/chat/completions", {
      method: "POST",
      headers: {
        authorization: `Bearer ${plane.gateway.key}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ model: "fast", messages: [{ role: "user", content: "Hi" }] }),
      signal: leaving.signal,
    });
    await until("it is asked", () => plane.counts().one === leavers);
    leaving.abort();
    await expect(asking).rejects.toThrow();
    await until("it is let go", () => plane.upstreams.one.openCount === 0);
  }
  plane.upstreams.one.answer(good);
  expect((await plane.ask()).status).toBe(200);
});
