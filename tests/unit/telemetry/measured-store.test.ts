import { expect, test } from "vitest";

import { measured } from "../../../src/telemetry/measured-store.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";

class Shelf implements AsyncDisposable {
  #books = 1;
  isClosed = false;

  get count(): number {
    return this.#books;
  }

  add(books: number): Promise<number> {
    if (books < 0) return Promise.reject(new Error("no such number"));
    this.#books += books;
    return Promise.resolve(this.#books);
  }

  peek(): number {
    return this.#books;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

const newMetrics = () => createMetrics({ version: "1", onCollectFailure: () => undefined });

test("a measured store does what the store does, private state and getters included", async () => {
  const shelf = new Shelf();
  const store = measured(shelf, "shelf", newMetrics());
  expect(await store.add(2)).toBe(3);
  expect([store.peek(), store.count]).toEqual([3, 3]);
  await expect(store.add(-1)).rejects.toThrow("no such number");
  await store[Symbol.asyncDispose]();
  expect([shelf.isClosed, store.isClosed]).toEqual([true, true]);
});

test("each operation that waits is timed, and each failure counted", async () => {
  const metrics = newMetrics();
  const store = measured(new Shelf(), "shelf", metrics);
  await store.add(1);
  store.peek();
  await store.add(-1).catch(() => undefined);
  const durations = metrics.storeDuration.snapshot().series;
  expect(durations.map(({ labelValues }) => labelValues)).toEqual([["shelf", "add"]]);
  expect(durations).toMatchObject([{ reading: { count: 2 } }]);
  expect(metrics.storeErrors.with("shelf", "add").read()).toMatchObject({ value: 1 });
});
