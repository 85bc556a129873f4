import { expect, test } from "vitest";

import { SingleFlight } from "../../../../src/pipeline/cache/single-flight.ts";
import type { Seat, SingleFlightOptions } from "../../../../src/pipeline/cache/single-flight.ts";
import { ScriptedCall, settled } from "./scripted-call.ts";
import type { Piece } from "./scripted-call.ts";

/** Callers of one gate, and the calls that came of them. */
function stage(options: Partial<SingleFlightOptions<Piece>> = {}) {
  const flights = new SingleFlight<string, Piece>({
    sizeOf: ({ text }) => text.length,
    ...options,
  });
  const calls: ScriptedCall[] = [];
  const ask = (key = "k") => {
    const client = new AbortController();
    const seat = flights.join(key, {
      start: (signal) => {
        const call = new ScriptedCall(signal);
        calls.push(call);
        return call.begun;
      },
      signal: client.signal,
    });
    seat.catch(() => undefined); // Who waits for it hears of it.
    return { seat, client };
  };
  const callAt = (place: number): ScriptedCall => {
    const call = calls[place];
    if (call === undefined) throw new Error(`There is no call ${place}.`);
    return call;
  };
  return { flights, calls, ask, callAt };
}

async function readAll({ source }: Seat<string, Piece>): Promise<string> {
  let text = "";
  for (;;) {
    const piece = await source?.next();
    if (piece === undefined) return text;
    text += piece.text;
    if (piece.isLast) return text;
  }
}

test("500 who ask the same at once make one call, and all of them get its stream", async () => {
  const { calls, ask, callAt, flights } = stage();
  const readers = Array.from({ length: 500 }, () => ask().seat.then(readAll));
  await settled();
  expect(calls).toHaveLength(1);
  callAt(0).begin("head");
  for (const text of ["a", "b", "c"]) {
    await settled();
    callAt(0).give(text, text === "c");
  }
  expect(new Set(await Promise.all(readers))).toEqual(new Set(["abc"]));
  expect(calls).toHaveLength(1);
  expect(flights.size).toBe(0);
  expect(flights.heldBytes).toBe(0);
});

test("one is the leader, the others follow, and another key has a leader of its own", async () => {
  const { ask, callAt } = stage();
  const asked = [ask(), ask(), ask("other")];
  callAt(0).begin("one", false);
  callAt(1).begin("two", false);
  const seats = await Promise.all(asked.map(({ seat }) => seat));
  expect(seats.map(({ role, head }) => `${role} ${head}`)).toEqual([
    "leader one",
    "follower one",
    "leader two",
  ]);
});

test("each reads at its own speed, also who comes in the middle", async () => {
  const { ask, callAt } = stage();
  const fast = ask();
  callAt(0).begin("head");
  const { source } = await fast.seat;
  for (const text of ["a", "b"]) {
    const next = source?.next();
    await settled();
    callAt(0).give(text);
    expect((await next)?.text).toBe(text);
  }
  const late = ask();
  const seat = await late.seat;
  expect(seat.role).toBe("follower");
  expect((await seat.source?.next())?.text).toBe("a");
  expect(callAt(0).isAsked).toBe(false);
  const rest = readAll(seat);
  await settled();
  callAt(0).give("c", true);
  expect(await rest).toBe("bc");
  expect((await source?.next())?.text).toBe("c");
});

test("nothing is read of the call while nobody wants more", async () => {
  const { ask, callAt } = stage();
  const { seat } = ask();
  callAt(0).begin("head");
  const { source } = await seat;
  await settled();
  expect(callAt(0).isAsked).toBe(false);
  void source?.next();
  await settled();
  expect(callAt(0).isAsked).toBe(true);
});

test("a leader who fails at once fails no follower: one of them asks, and the others follow that one", async () => {
  const { calls, ask, callAt } = stage();
  const asked = [ask(), ask(), ask()];
  callAt(0).fail(new Error("down"));
  await expect(asked[0]?.seat).rejects.toThrow("down");
  await settled();
  expect(calls).toHaveLength(2);
  callAt(1).begin("again", false);
  expect(await asked[1]?.seat).toMatchObject({ role: "leader", head: "again" });
  expect(await asked[2]?.seat).toMatchObject({ role: "follower", head: "again" });
});

test("a call that breaks off before its first batch fails its leader alone", async () => {
  const { calls, ask, callAt } = stage();
  const [leader, follower] = [ask(), ask()];
  callAt(0).begin("head");
  const next = (await leader.seat).source?.next();
  await settled();
  callAt(0).fail(new Error("cut"));
  await expect(next).rejects.toThrow("cut");
  await settled();
  expect(calls).toHaveLength(2);
  callAt(1).begin("again", false);
  expect(await follower.seat).toMatchObject({ role: "leader", head: "again" });
});

test("a call that breaks off later gives everyone what there was, and then its failure", async () => {
  const { calls, ask, callAt } = stage();
  const asked = [ask(), ask()];
  callAt(0).begin("head");
  await settled();
  callAt(0).give("a");
  const seats = await Promise.all(asked.map(({ seat }) => seat));
  expect((await seats[0]?.source?.next())?.text).toBe("a");
  const next = seats[0]?.source?.next();
  await settled();
  callAt(0).fail(new Error("cut"));
  await expect(next).rejects.toThrow("cut");
  expect((await seats[1]?.source?.next())?.text).toBe("a");
  await expect(seats[1]?.source?.next()).rejects.toThrow("cut");
  expect(calls).toHaveLength(1);
});

test("a failure that lies in the request is everyone's", async () => {
  const { calls, ask, callAt } = stage({ isEveryones: (thrown) => String(thrown).includes("400") });
  const asked = [ask(), ask()];
  callAt(0).fail(new Error("400"));
  for (const { seat } of asked) await expect(seat).rejects.toThrow("400");
  expect(calls).toHaveLength(1);
});

test("where one call after the other fails, the rest stop waiting for each other", async () => {
  const { calls, ask, callAt } = stage();
  const asked = Array.from({ length: 10 }, () => ask());
  callAt(0).fail(new Error("down"));
  await settled();
  callAt(1).fail(new Error("down"));
  await settled();
  expect(calls).toHaveLength(10);
  for (const call of calls.slice(2)) call.begin("up", false);
  const ends = await Promise.allSettled(asked.map(({ seat }) => seat));
  expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(8);
});

test("a leader who leaves does not end the call while somebody waits", async () => {
  const { calls, ask, callAt } = stage();
  const [leader, follower] = [ask(), ask()];
  leader.client.abort(new Error("left"));
  await expect(leader.seat).rejects.toThrow("left");
  expect(callAt(0).signal.aborted).toBe(false);
  callAt(0).begin("head");
  const text = follower.seat.then(readAll);
  await settled();
  callAt(0).give("a", true);
  expect(await text).toBe("a");
  expect(calls).toHaveLength(1);
  expect(callAt(0).isCancelled).toBe(false);
});

test("the last who leaves ends the call, before it has begun", async () => {
  const { calls, ask, callAt, flights } = stage();
  const [one, two] = [ask(), ask()];
  one.client.abort(new Error("first"));
  two.client.abort(new Error("last"));
  expect(callAt(0).signal.reason).toEqual(new Error("last"));
  await expect(two.seat).rejects.toThrow("last");
  expect(flights.size).toBe(0);
  callAt(0).begin("too late");
  await settled();
  expect(callAt(0).isCancelled).toBe(true);
  const third = ask();
  expect(calls).toHaveLength(2);
  callAt(1).begin("head", false);
  expect(await third.seat).toMatchObject({ role: "leader" });
});

test("the last who leaves ends the call, in the middle of it, whichever way he leaves", async () => {
  for (const way of ["cancel", "abort"] as const) {
    const { ask, callAt, flights } = stage();
    const asked = [ask(), ask()];
    callAt(0).begin("head");
    await settled();
    callAt(0).give("abc");
    const seats = await Promise.all(asked.map(({ seat }) => seat));
    const waiting = seats[1]?.source?.next().then(() => seats[1]?.source?.next());
    const ended = expect(waiting).rejects.toThrow();
    await settled();
    seats[0]?.source?.cancel();
    expect(callAt(0).isCancelled).toBe(false);
    if (way === "cancel") seats[1]?.source?.cancel();
    else asked[1]?.client.abort(new Error("left"));
    expect(callAt(0).isCancelled).toBe(true);
    expect(callAt(0).signal.aborted).toBe(true);
    await ended;
    expect(flights.heldBytes).toBe(0);
  }
});

test("who has left before asking makes no call", async () => {
  const { calls, flights } = stage();
  const signal = AbortSignal.abort(new Error("left"));
  const start = () => Promise.reject(new Error("never"));
  await expect(flights.join("k", { start, signal })).rejects.toThrow("left");
  expect(calls).toHaveLength(0);
});

test("at the window's bound the fast wait for the slow, and who comes then asks anew", async () => {
  const { calls, ask, callAt, flights } = stage({ windowBytesMax: 4 });
  const [fast, slow] = [ask(), ask()];
  callAt(0).begin("head");
  await settled();
  callAt(0).give("aaa");
  const [quick, late] = await Promise.all([fast.seat, slow.seat]);
  await quick.source?.next();
  const second = quick.source?.next();
  await settled();
  callAt(0).give("bbb");
  await second;
  const third = quick.source?.next();
  await settled();
  expect(callAt(0).isAsked).toBe(false);
  expect(flights.heldBytes).toBe(6);
  ask();
  expect(calls).toHaveLength(2);
  expect((await late.source?.next())?.text).toBe("aaa");
  await settled();
  expect(flights.heldBytes).toBe(3);
  expect(callAt(0).isAsked).toBe(true);
  callAt(0).give("c", true);
  expect((await third)?.text).toBe("c");
  expect(await readAll(late)).toBe("bbbc");
  expect(flights.heldBytes).toBe(0);
});

test("a slow one who leaves lets the fast go on", async () => {
  const { ask, callAt } = stage({ windowBytesMax: 2 });
  const asked = [ask(), ask()];
  callAt(0).begin("head");
  await settled();
  callAt(0).give("aaa");
  const [quick, late] = await Promise.all(asked.map(({ seat }) => seat));
  await quick?.source?.next();
  const next = quick?.source?.next();
  await settled();
  expect(callAt(0).isAsked).toBe(false);
  late?.source?.cancel();
  await settled();
  callAt(0).give("b", true);
  expect((await next)?.text).toBe("b");
});

test("one reader alone gets through a stream far larger than the window", async () => {
  const { ask, callAt, flights } = stage({ windowBytesMax: 2 });
  const text = ask().seat.then(readAll);
  callAt(0).begin("head");
  for (let piece = 0; piece < 50; piece++) {
    await settled();
    expect(flights.heldBytes).toBeLessThanOrEqual(2);
    callAt(0).give("xx", piece === 49);
  }
  expect(await text).toBe("xx".repeat(50));
});

test("at the bound of all flights together none keeps what everyone in it has read", async () => {
  const { calls, ask, callAt, flights } = stage({ heldBytesMax: 3 });
  const { seat } = ask();
  callAt(0).begin("head");
  const { source } = await seat;
  for (const text of ["aa", "bb", "cc"]) {
    const next = source?.next();
    await settled();
    callAt(0).give(text);
    await next;
  }
  expect(flights.heldBytes).toBe(0);
  ask();
  expect(calls).toHaveLength(2);
});
