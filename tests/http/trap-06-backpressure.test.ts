import type { ServerResponse } from "node:http";
import { createGzip, constants } from "node:zlib";

import { expect, test } from "vitest";

import { until } from "../support/gateway.ts";
import { chatBody, startOneUpstream } from "../support/one-upstream.ts";
import { rawPost } from "../support/raw-client.ts";
import { chatChunk, done } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";

const mebibyte = 1_048_576;
/** Far more than all buffers on the way hold together. */
const eventCount = 12_000;
const event = (index: number): string => chatChunk({ content: `${index} ${"x".repeat(2_000)}` });

/** An upstream that writes as fast as it is read, and can be watched at it. */
class Firehose {
  written = 0;
  #response: ServerResponse | undefined;

  readonly script: Script = (response) => {
    this.#response = response;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.on("drain", () => {
      this.#more(response);
    });
    this.#more(response);
  };

  get isHeldUp(): boolean {
    return this.#response?.writableNeedDrain === true;
  }

  #more(response: ServerResponse): void {
    while (this.written < eventCount) if (!response.write(event(this.written++))) return;
    response.end(chatChunk({}, "stop") + done);
  }
}

/** Waits until the number stands still for a tenth of a second. */
async function untilSteady(read: () => number): Promise<number> {
  let last = -1;
  let sinceMs = performance.now();
  await until("it stands still", () => {
    if (read() !== last) {
      last = read();
      sinceMs = performance.now();
    }
    return performance.now() - sinceMs > 100;
  });
  return last;
}

test("a client that stops reading stops the provider, and gets everything once it reads on", async () => {
  const firehose = new Firehose();
  await using plane = await startOneUpstream({ script: firehose.script });
  const before = process.memoryUsage();
  using client = rawPost(plane.gateway, { body: chatBody({ stream: true }) });
  client.socket.pause();
  await until("the provider is held up", () => firehose.isHeldUp);
  const held = await untilSteady(() => firehose.written);
  expect(firehose.isHeldUp).toBe(true);
  // What is on its way fills the kernel's buffers and Sentinel's 64 KiB, and no more.
  expect(held).toBeLessThan(eventCount / 2);
  const { external, arrayBuffers } = process.memoryUsage();
  expect(external + arrayBuffers - before.external - before.arrayBuffers).toBeLessThan(
    16 * mebibyte,
  );

  client.socket.resume();
  await client.untilWhole();
  expect(firehose.written).toBe(eventCount);
  const indices = [...client.received.matchAll(/"content":"(\d+) x/g)].map(([, index]) =>
    Number(index),
  );
  expect(indices).toEqual(Array.from({ length: eventCount }, (_, index) => index));
  expect(client.received).toContain(done);
});

test("a client that reads in bits gets everything", async () => {
  const firehose = new Firehose();
  await using plane = await startOneUpstream({ script: firehose.script });
  using client = rawPost(plane.gateway, { body: chatBody({ stream: true }) });
  for (let round = 0; round < 5; round++) {
    client.socket.pause();
    await untilSteady(() => firehose.written);
    const had = client.socket.bytesRead;
    client.socket.resume();
    await until("some more has come", () => client.socket.bytesRead > had);
  }
  await client.untilWhole();
  expect(client.received.match(/"content":"\d+ x/g)).toHaveLength(eventCount);
});

test("a client that stops reading a compressed stream stops the provider as well", async () => {
  let written = 0;
  await using plane = await startOneUpstream({
    script: (response) => {
      response.writeHead(200, {
        "content-type": "text/event-stream",
        "content-encoding": "gzip",
      });
      const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH, level: 0 });
      gzip.pipe(response);
      const more = (): void => {
        while (written < eventCount) if (!gzip.write(event(written++))) return;
        gzip.end(chatChunk({}, "stop") + done);
      };
      gzip.on("drain", more);
      more();
    },
  });
  using client = rawPost(plane.gateway, { body: chatBody({ stream: true }) });
  client.socket.pause();
  await until("it has begun", () => written > 100);
  expect(await untilSteady(() => written)).toBeLessThan(eventCount / 2);
  client.socket.resume();
  await client.untilWhole();
  expect(client.received.match(/"content":"\d+ x/g)).toHaveLength(eventCount);
});

test("the idle deadline does not run while it is the client that holds things up", async () => {
  const firehose = new Firehose();
  const deadlines = { idle_ms: 300 };
  await using plane = await startOneUpstream({ script: firehose.script, provider: { deadlines } });
  using client = rawPost(plane.gateway, { body: chatBody({ stream: true }) });
  client.socket.pause();
  await until("the provider is held up", () => firehose.isHeldUp);
  const heldSinceMs = performance.now();
  await until("the deadline is long over", () => performance.now() - heldSinceMs > 900);
  client.socket.resume();
  await client.untilWhole();
  expect(client.received).toContain(done);
});
