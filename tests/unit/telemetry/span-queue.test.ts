import { expect, test } from "vitest";

import {
  SpanQueue,
  batchSpansMax,
  spanQueueMax,
} from "../../../src/telemetry/tracing/span-queue.ts";
import type { SpanDropReason } from "../../../src/telemetry/tracing/span-queue.ts";
import { until } from "../../support/gateway.ts";

type Send = (batch: readonly number[]) => Promise<void>;

function openQueue(
  send: Send,
  more: { gatherMs?: number; sendMs?: number; flushMs?: number } = {},
) {
  const dropped: Record<SpanDropReason, number> = { queue_full: 0, export_failed: 0 };
  const told: string[] = [];
  const queue = new SpanQueue<number>({
    send,
    gatherMs: 1,
    sendMs: 1_000,
    flushMs: 1_000,
    ...more,
    onDropped: (reason, count) => {
      dropped[reason] += count;
    },
    onSent: (outcome) => told.push(outcome),
  });
  return { queue, dropped, told };
}

const never: Send = () => new Promise(() => undefined);

test("spans go together, in order, and not more at once than a batch holds", async () => {
  const batches: number[][] = [];
  const { queue } = openQueue((batch) => {
    batches.push([...batch]);
    return Promise.resolve();
  });
  for (let span = 0; span < batchSpansMax + 10; span++) queue.add(span);
  await until("all are sent", () => batches.flat().length === batchSpansMax + 10);
  expect(batches.map(({ length }) => length)).toEqual([batchSpansMax, 10]);
  expect(batches.flat()).toEqual(Array.from({ length: batchSpansMax + 10 }, (_, span) => span));
});

test("while the collector hangs no more wait than the bound: the oldest go, and are counted", async () => {
  let calls = 0;
  const { queue, dropped } = openQueue(() => {
    calls++;
    return never([]);
  });
  queue.add(-1);
  await until("it hangs", () => calls === 1);
  for (let span = 0; span < spanQueueMax + 500; span++) queue.add(span);
  expect(queue.size).toBe(spanQueueMax);
  expect(dropped).toEqual({ queue_full: 500, export_failed: 0 });
  expect(calls).toBe(1);
});

test("a batch that is not taken in time is lost, and the next one is tried", async () => {
  const sent: number[] = [];
  let isUp = false;
  const { queue, dropped, told } = openQueue(
    (batch) => {
      if (!isUp) return never(batch);
      sent.push(...batch);
      return Promise.resolve();
    },
    { sendMs: 20 },
  );
  queue.add(1);
  await until("it is lost", () => dropped.export_failed === 1);
  isUp = true;
  queue.add(2);
  await until("the next is sent", () => sent.length === 1);
  await until("that is told", () => told.length === 2);
  expect(sent).toEqual([2]);
  expect(told).toEqual(["failed", "recovered"]);
});

test("the end sends what is left, batch by batch", async () => {
  const sent: number[] = [];
  const { queue } = openQueue(
    (batch) => {
      sent.push(...batch);
      return Promise.resolve();
    },
    { gatherMs: 60_000 },
  );
  for (let span = 0; span < 5; span++) queue.add(span);
  await queue[Symbol.asyncDispose]();
  expect(sent).toEqual([0, 1, 2, 3, 4]);
});

test("the end waits no longer than its bound, and what was not taken is counted as lost", async () => {
  const { queue, dropped } = openQueue(never, { gatherMs: 60_000, flushMs: 50 });
  for (let span = 0; span < batchSpansMax + 3; span++) queue.add(span);
  const beganMs = performance.now();
  await queue[Symbol.asyncDispose]();
  expect(performance.now() - beganMs).toBeLessThan(1_000);
  expect(dropped.export_failed).toBe(batchSpansMax + 3);
  queue.add(1);
  expect(dropped.export_failed).toBe(batchSpansMax + 4);
});
