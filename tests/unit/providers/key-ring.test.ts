import { expect, test } from "vitest";

import { keyIdOf } from "../../../src/providers/key-choice.ts";
import { KeyRing, limitedMsDefault, limitedMsMax } from "../../../src/providers/key-ring.ts";
import type { BegunRest, KeyUse, KeyWish } from "../../../src/providers/key-ring.ts";
import { manualClock } from "../../support/manual-clock.ts";

const secrets = ["sk-a", "sk-b", "sk-c"] as const;
const none: ReadonlySet<string> = new Set();

const wish = (fields: Partial<KeyWish> = {}): KeyWish => ({
  model: "m",
  pin: undefined,
  conversation: { isSticky: false, isOpening: false, hash: "" },
  ...fields,
});
const talk = (hash: string): Partial<KeyWish> => ({
  conversation: { isSticky: true, isOpening: false, hash },
});
const opening = (hash: string): Partial<KeyWish> => ({
  conversation: { isSticky: false, isOpening: true, hash },
});
const pinnedTo = (secret: string): Partial<KeyWish> => ({
  pin: { providerName: "p", keyId: keyIdOf(secret) },
});

/** A ring with a clock that a test moves, and what it told of rests. */
function startRing(keys: readonly string[] = secrets) {
  const clock = manualClock();
  const begun: BegunRest[] = [];
  const ring = new KeyRing(keys, clock, {
    mask: (secret) => `${secret}…`,
    onRest: (rest) => begun.push(rest),
  });
  const use = (fields?: Partial<KeyWish>, tried = none): KeyUse => {
    const taken = ring.take(wish(fields), tried);
    if (taken === undefined) throw new Error("the ring gave no key");
    return taken;
  };
  const next = (fields?: Partial<KeyWish>): string => use(fields).key.secret;
  /** The key with this secret, in hand; it must be awake. */
  const hold = (secret: string): KeyUse => use(pinnedTo(secret));
  return { ring, clock, begun, use, next, hold };
}

const times = <Value>(count: number, get: () => Value): Value[] =>
  Array.from({ length: count }, get);

test("keys go round, and one that is written twice counts once", () => {
  const { next } = startRing(["sk-a", "sk-b", "sk-a"]);
  expect(times(4, () => next())).toEqual(["sk-a", "sk-b", "sk-a", "sk-b"]);
});

test("those that are awake share evenly what one that rests does not get", () => {
  const { ring, next, hold } = startRing();
  ring.noteRefused(hold("sk-b"), 401);
  const counts = Object.groupBy(
    times(30, () => next()),
    (secret) => secret,
  );
  expect([counts["sk-a"]?.length, counts["sk-b"], counts["sk-c"]?.length]).toEqual([
    15,
    undefined,
    15,
  ]);
});

test("a refused key rests for a minute, for every model", () => {
  const { ring, clock, next, hold } = startRing(["sk-a", "sk-b"]);
  ring.noteRefused(hold("sk-a"), 403);
  clock.advance(59_999);
  for (const model of ["m", "other"]) {
    expect(times(3, () => next({ model }))).toEqual(["sk-b", "sk-b", "sk-b"]);
  }
  clock.advance(1);
  expect(times(2, () => next()).sort()).toEqual(["sk-a", "sk-b"]);
});

test.each([
  [2_000, 2_000],
  [undefined, limitedMsDefault],
  [86_400_000, limitedMsMax],
])(
  "a limited key (retry-after %s ms) rests for its model alone, for %s ms",
  (retryAfterMs, restMs) => {
    const { ring, clock, next, hold } = startRing(["sk-a", "sk-b"]);
    ring.noteLimited(hold("sk-a"), "m", retryAfterMs);
    clock.advance(restMs - 1);
    expect(times(2, () => next())).toEqual(["sk-b", "sk-b"]);
    expect(times(2, () => next({ model: "other" })).sort()).toEqual(["sk-a", "sk-b"]);
    clock.advance(1);
    expect(times(2, () => next()).sort()).toEqual(["sk-a", "sk-b"]);
  },
);

test("a later answer does not shorten a rest", () => {
  const { ring, clock, next, hold } = startRing(["sk-a", "sk-b"]);
  const [slow, fast] = [hold("sk-a"), hold("sk-a")];
  ring.noteLimited(slow, "m", 20_000);
  ring.noteLimited(fast, "m", 100);
  clock.advance(10_000);
  expect(times(2, () => next())).toEqual(["sk-b", "sk-b"]);
});

test("where all keys rest a request gets the one that wakes first, and no second one", () => {
  const { ring, use, hold } = startRing();
  const uses = secrets.map(hold);
  const restsMs = [9_000, 3_000, 6_000];
  for (const [index, taken] of uses.entries()) ring.noteLimited(taken, "m", restsMs[index]);
  expect(use().key.secret).toBe("sk-b");
  expect(ring.take(wish(), new Set([keyIdOf("sk-b")]))).toBeUndefined();
});

test("where all keys rest one at its limit goes before one that was refused", () => {
  const { ring, use, hold } = startRing(["sk-a", "sk-b"]);
  const [refused, limited] = [hold("sk-a"), hold("sk-b")];
  ring.noteRefused(refused, 401);
  ring.noteLimited(limited, "m", 300_000);
  expect(use().key.secret).toBe("sk-b");
});

test("a key that may not use a model serves the others", () => {
  const { ring, next, hold } = startRing(["sk-a", "sk-b"]);
  ring.noteModelRefused(hold("sk-a"), "m", 403);
  expect(times(2, () => next())).toEqual(["sk-b", "sk-b"]);
  expect(times(2, () => next({ model: "other" })).sort()).toEqual(["sk-a", "sk-b"]);
});

test("a request is not sent twice with the same key, but with every one that is awake", () => {
  const { ring } = startRing();
  const tried = new Set<string>();
  for (const _secret of secrets) {
    const taken = ring.take(wish(), tried);
    expect(taken).toBeDefined();
    tried.add(taken?.key.id ?? "");
  }
  expect(tried.size).toBe(secrets.length);
  expect(ring.take(wish(), tried)).toBeUndefined();
});

test("success ends a rest, unless the answer was under way when the rest began", () => {
  const { ring, clock, next, hold } = startRing(["sk-a", "sk-b"]);
  const [longUnderWay, other] = [hold("sk-a"), hold("sk-b")];
  clock.advance(10);
  ring.noteRefused(longUnderWay, 401);
  ring.noteLimited(longUnderWay, "m", 60_000);
  ring.noteLimited(other, "m", 90_000);
  ring.noteAnswered(longUnderWay, "m");
  expect(next({ model: "other" })).toBe("sk-b");
  clock.advance(10);
  ring.noteAnswered({ ...longUnderWay, takenMs: clock.tickMs() }, "m");
  expect(times(2, () => next())).toEqual(["sk-a", "sk-a"]);
});

test("a conversation keeps its key while others come and go", () => {
  const before = startRing();
  const after = startRing([...secrets, "sk-d"]);
  const hashes = times(200, () => undefined).map((_, index) => `conversation ${index}`);
  const placed = hashes.map((hash) => before.next(talk(hash)));
  expect(hashes.map((hash) => before.next(talk(hash)))).toEqual(placed);
  expect(new Set(placed).size).toBe(secrets.length);

  const moved = hashes.map((hash) => after.next(talk(hash)));
  expect(moved.every((secret, index) => secret === placed[index] || secret === "sk-d")).toBe(true);

  before.ring.noteRefused(before.hold("sk-a"), 401);
  for (const [index, hash] of hashes.entries()) {
    const now = before.next(talk(hash));
    if (placed[index] === "sk-a") expect(now).not.toBe("sk-a");
    else expect(now).toBe(placed[index]);
  }
  before.clock.advance(60_000);
  expect(hashes.map((hash) => before.next(talk(hash)))).toEqual(placed);
});

test("the later turns of a conversation follow its first, which went to the key whose turn it was", () => {
  const { next } = startRing();
  const hashes = times(30, () => 0).map((_, index) => `talk ${index}`);
  const first = hashes.map((hash) => next(opening(hash)));
  expect(new Set(first)).toEqual(new Set(secrets));
  expect(hashes.map((hash) => next(talk(hash)))).toEqual(first);
});

test("requests that have a place do not use up the turns of those that go round", () => {
  const { next } = startRing(["sk-a", "sk-b"]);
  const opened = times(4, () => 0).map((_, index) => {
    const key = next(opening(`talk ${index}`));
    next(talk(`talk ${index}`));
    return key;
  });
  expect(opened).toEqual(["sk-a", "sk-b", "sk-a", "sk-b"]);
});

test("a pinned key goes first, before the conversation's, unless it was refused or is gone", () => {
  const { ring, next, hold } = startRing();
  expect(times(3, () => next({ ...talk("x"), ...pinnedTo("sk-c") }))).toEqual([
    "sk-c",
    "sk-c",
    "sk-c",
  ]);
  expect(secrets).toContain(next(pinnedTo("sk-gone")));
  ring.noteRefused(hold("sk-c"), 401);
  expect(next(pinnedTo("sk-c"))).not.toBe("sk-c");
});

test("a pinned key at its limit has no substitute: another account does not have what it made", () => {
  const { ring, next, hold } = startRing();
  ring.noteLimited(hold("sk-c"), "m", 30_000);
  expect(next(pinnedTo("sk-c"))).toBe("sk-c");
  expect(ring.take(wish(pinnedTo("sk-c")), new Set([keyIdOf("sk-c")]))).toBeUndefined();
});

test("a rest is told once, when it begins, by a name that is not the key", () => {
  const { ring, clock, begun, hold } = startRing(["sk-a"]);
  for (const _again of [1, 2, 3]) ring.noteLimited(hold("sk-a"), "m", 2_000);
  ring.noteRefused(hold("sk-a"), 402);
  const keyId = keyIdOf("sk-a");
  expect(begun).toEqual([
    { keyId, status: 429, model: "m", restMs: 2_000 },
    { keyId, status: 402, model: undefined, restMs: 60_000 },
  ]);
  clock.advance(2_000);
  ring.noteLimited(hold("sk-a"), "m", 2_000);
  expect(begun.length).toBe(3);
  expect(keyId).toMatch(/^[0-9a-f]{8}$/);
  expect(keyIdOf("sk-a")).toBe(keyId);
});

test("the status shows what rests and for how long, and nothing that is over", () => {
  const { ring, clock, hold } = startRing(["sk-a", "sk-b"]);
  const first = hold("sk-a");
  ring.noteRefused(first, 401);
  ring.noteLimited(first, "m", 2_000);
  clock.advance(500);
  expect(ring.status()).toEqual([
    {
      id: keyIdOf("sk-a"),
      masked: "sk-a…",
      rests: [
        { model: undefined, status: 401, leftMs: 59_500 },
        { model: "m", status: 429, leftMs: 1_500 },
      ],
    },
    { id: keyIdOf("sk-b"), masked: "sk-b…", rests: [] },
  ]);
  clock.advance(1_500);
  expect(ring.status()[0]?.rests).toEqual([{ model: undefined, status: 401, leftMs: 58_000 }]);
});

test("a crowd of models does not grow without bound", () => {
  const { ring, hold } = startRing(["sk-a"]);
  for (let index = 0; index < 5_000; index++) ring.noteLimited(hold("sk-a"), `m${index}`, 60_000);
  expect(ring.status()[0]?.rests.length).toBeLessThanOrEqual(100);
});
