import { describe, expect, test } from "vitest";

import { EmbedQueue } from "../../../src/embedders/embed-queue.ts";
import type { Embedded, EmbedQueueLimits } from "../../../src/embedders/embed-queue.ts";
import { EmbedFailure } from "../../../src/pipeline/cache/embedder.ts";

interface Run {
  readonly texts: readonly string[];
  readonly signal: AbortSignal;
  /** Answers with each text's length, or with what is given. */
  finish(results?: readonly Embedded[]): void;
  fail(error: Error): void;
}

const limits: EmbedQueueLimits = { batchMax: 3, runsMax: 1, waitingMax: 5, answerMs: 60_000 };

function lab(more: Partial<EmbedQueueLimits> = {}): { queue: EmbedQueue; runs: Run[] } {
  const runs: Run[] = [];
  const queue = new EmbedQueue(
    (texts, signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly Embedded[]>();
      const lengths = texts.map((text) => Float32Array.of(text.length));
      runs.push({ texts, signal, finish: (given = lengths) => resolve(given), fail: reject });
      return promise;
    },
    { ...limits, ...more },
  );
  return { queue, runs };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const textsOf = (runs: readonly Run[]): unknown => runs.map(({ texts }) => texts);

describe("the queue before an embedder", () => {
  test("a text goes at once, and those that come meanwhile go together", async () => {
    const { queue, runs } = lab();
    const vectors = ["a", "bb", "ccc", "dddd", "eeeee"].map((text) => queue.embed(text));
    expect(textsOf(runs)).toEqual([["a"]]);
    runs[0]?.finish();
    await turn();
    runs[1]?.finish();
    await turn();
    runs[2]?.finish();
    expect(textsOf(runs)).toEqual([["a"], ["bb", "ccc", "dddd"], ["eeeee"]]);
    const values = (await Promise.all(vectors)).map(([length]) => length);
    expect(values).toEqual([1, 2, 3, 4, 5]);
  });

  test("a single text is served before the rest of a list", async () => {
    const { queue, runs } = lab({ batchMax: 1 });
    const list = queue.embedMany(["1", "22", "333"]);
    const single = queue.embed("single");
    runs[0]?.finish();
    await turn();
    expect(textsOf(runs)).toEqual([["1"], ["single"]]);
    runs[1]?.finish();
    await single;
    for (const index of [2, 3]) {
      await turn();
      runs[index]?.finish();
    }
    expect((await list).map(([length]) => length)).toEqual([1, 2, 3]);
  });

  test("a list of any length keeps no more than a batch in the queue", async () => {
    const { queue, runs } = lab({ waitingMax: 3 });
    const list = queue.embedMany(Array.from({ length: 20 }, (_, index) => "x".repeat(index)));
    let done = 0;
    while (done < 20) {
      const run = runs.shift();
      done += run?.texts.length ?? 0;
      run?.finish();
      await turn();
    }
    expect((await list).map(([length]) => length)).toEqual([...Array(20).keys()]);
  });

  test("at its bound it refuses the next text and keeps the others", async () => {
    const { queue, runs } = lab();
    const kept = ["running", "1", "2", "3", "4", "5"].map((text) => queue.embed(text));
    await expect(queue.embed("one more")).rejects.toMatchObject({ kind: "busy" });
    for (const index of [0, 1, 2]) {
      runs[index]?.finish();
      await turn();
    }
    expect(await Promise.all(kept)).toHaveLength(6);
  });

  test("whoever leaves gives the place to the next, and is not asked about", async () => {
    const { queue, runs } = lab();
    const leaving = new AbortController();
    const first = queue.embed("first");
    const left = queue.embed("left", leaving.signal);
    const next = queue.embed("next");
    leaving.abort();
    await expect(left).rejects.toMatchObject({ kind: "cancelled" });
    runs[0]?.finish();
    await first;
    await turn();
    expect(textsOf(runs)).toEqual([["first"], ["next"]]);
    runs[1]?.finish();
    await next;
    await expect(queue.embed("late", leaving.signal)).rejects.toMatchObject({ kind: "cancelled" });
  });

  test("a run is given up when the last who waited for it has left, and not before", async () => {
    const { queue, runs } = lab();
    const [one, two] = [new AbortController(), new AbortController()];
    const busy = queue.embed("busy");
    const waiting = [queue.embed("1", one.signal), queue.embed("2", two.signal)];
    runs[0]?.finish();
    await busy;
    await turn();
    one.abort();
    expect(runs[1]?.signal.aborted).toBe(false);
    two.abort();
    expect(runs[1]?.signal.aborted).toBe(true);
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  test("an embedder that does not answer costs a caller the time limit, and no more", async () => {
    const { queue, runs } = lab({ answerMs: 5 });
    const vectors = ["with it", "waiting"].map((text) => queue.embed(text));
    const outcomes = await Promise.allSettled(vectors);
    const timeout: unknown = expect.objectContaining({ kind: "timeout" });
    expect(outcomes).toEqual(Array(2).fill({ status: "rejected", reason: timeout }));
    expect(runs[0]?.signal.reason).toMatchObject({ kind: "timeout" });
    expect(runs).toHaveLength(1);
  });

  test("one text that cannot be embedded harms no other of its batch", async () => {
    const { queue, runs } = lab();
    const busy = queue.embed("busy");
    const [good, bad] = [queue.embed("good"), queue.embed("bad")];
    runs[0]?.finish();
    await busy;
    await turn();
    runs[1]?.finish([Float32Array.of(7), new EmbedFailure("too_long", "It is too long.")]);
    expect(await good).toEqual(Float32Array.of(7));
    await expect(bad).rejects.toMatchObject({ kind: "too_long" });
  });

  test("a run that fails, or answers too little, fails its texts and leaves the queue working", async () => {
    const { queue, runs } = lab();
    const failed = queue.embed("failed");
    runs[0]?.fail(new Error("it broke"));
    await expect(failed).rejects.toMatchObject({ kind: "unavailable" });
    await turn();
    const short = queue.embed("short");
    runs[1]?.finish([]);
    await expect(short).rejects.toMatchObject({ kind: "unavailable" });
    await turn();
    const good = queue.embed("good");
    runs[2]?.finish();
    expect(await good).toEqual(Float32Array.of(4));
  });

  test("closed, it tells all who wait and all who come", async () => {
    const { queue, runs } = lab();
    const waiting = [queue.embed("running"), queue.embed("waiting")];
    queue.close();
    expect(runs[0]?.signal.aborted).toBe(true);
    for (const vector of [...waiting, queue.embed("late")]) {
      await expect(vector).rejects.toMatchObject({ kind: "unavailable" });
    }
  });
});
