import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { afterAll, beforeAll, expect, test } from "vitest";

import { inflightCount, untilNothingRuns } from "../support/admin-client.ts";
import { startGateway, until } from "../support/gateway.ts";
import { chatBody, impatient, startOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { openRaw, wholeRequest } from "../support/raw-connection.ts";
import type { RawConnection } from "../support/raw-connection.ts";
import { chatChunk, completion, done, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";

/** Many clients at once, half of whom leave: nothing of them stays. */
let plane: OneUpstream;
beforeAll(async () => {
  plane = await startOneUpstream({ env: { SENTINEL_LOG_LEVEL: "warn" } });
});
afterAll(() => plane[Symbol.asyncDispose]());

/** Streams that say one word and wait to be told that they may end. */
function patientStreams(): { script: Script; finish: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const script: Script = async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chatChunk({ content: "Hi" }));
    await promise;
    response.end(chatChunk({}, "stop") + done);
  };
  return { script, finish: () => resolve(undefined) };
}

const lastChunk = "0\r\n\r\n";

/** Opens so many streams, leaves every other one, and lets the rest end. */
async function crowd(count: number): Promise<void> {
  const { script, finish } = patientStreams();
  plane.upstream.answer(script);
  const request = wholeRequest(plane.gateway.key, JSON.stringify(chatBody({ stream: true })), [
    "connection: close",
  ]);
  const clients: RawConnection[] = [];
  while (clients.length < count) {
    const wave = Array.from({ length: 100 }, () => openRaw(plane.gateway.url));
    for (const client of wave) client.send(request);
    await until("they have begun", () => wave.every(({ received }) => received.includes('"Hi"')));
    clients.push(...wave);
  }
  expect(plane.upstream.openCount).toBe(count);
  expect(await inflightCount(plane.gateway)).toBe(count);

  const staying = clients.filter((_, at) => at % 2 === 0);
  clients.filter((_, at) => at % 2 === 1).forEach(({ socket }) => socket.destroy());
  await until("the provider has heard of it", () => plane.upstream.openCount <= count / 2);
  finish();
  await until("the others are over", () => staying.every(({ isOver }) => isOver));
  const ends = staying.map(({ received }) => received.slice(-60));
  expect(ends.every((end) => end.includes("[DONE]") && end.endsWith(lastChunk))).toBe(true);
  for (const { socket } of staying) socket.destroy();
  await until("the provider has no request left", () => plane.upstream.openCount === 0);
  await untilNothingRuns(plane.gateway);
}

test("of 1,000 streams at once half may leave: the others end whole, and nothing stays", async () => {
  await crowd(1_000);
  plane.upstream.answer(whole(completion("ok")));
  expect((await plane.chat()).status).toBe(200);
});

/** Not noise: what stays for good, of which 600 streams would leave more if each left two kilobytes. */
const grownBytesMax = 1024 * 1024;

test("memory does not grow with the streams that there were", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const usedAfter = async (rounds: number): Promise<number> => {
    for (let round = 0; round < rounds; round++) await crowd(100);
    plane.upstream.forget();
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = await usedAfter(2);
  const after = await usedAfter(6);
  expect(after - before).toBeLessThan(grownBytesMax);
});

function processListeners(): string[] {
  return process
    .eventNames()
    .map((name) => `${String(name)}: ${process.listenerCount(name)}`)
    .sort();
}

test("a gateway that comes and goes leaves no listener on the process", async () => {
  const before = processListeners();
  for (let time = 0; time < 3; time++) {
    const gateway = await startGateway({ env: impatient });
    await gateway.post("/v1/chat/completions", { model: "any", messages: [] });
    await gateway.close();
  }
  expect(processListeners()).toEqual(before);
});
