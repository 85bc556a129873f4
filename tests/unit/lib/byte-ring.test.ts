import fc from "fast-check";
import { expect, test } from "vitest";

import { ByteRing } from "../../../src/lib/byte-ring.ts";

const bytesMax = 1_000;

function ring() {
  const dropped: string[] = [];
  const made: ByteRing = new ByteRing({
    bytesMax,
    partCount: 2,
    onDrop: (at) => dropped.push(made.partAt(at, 0).toString()),
  });
  return { made, dropped };
}

test("an entry is read as it was written, until it is wiped", () => {
  const { made } = ring();
  const at = made.add(1.5, ["Grüezi", Buffer.from([0, 255])]) ?? Number.NaN;
  expect(made.markAt(at)).toBe(1.5);
  expect(made.partAt(at, 0).toString()).toBe("Grüezi");
  expect([...made.partAt(at, 1)]).toEqual([0, 255]);
  made.wipe(at);
  expect(made.partAt(at, 0)).toHaveLength(0);
  expect(made.markAt(at)).toBe(1.5);
});

test("what is larger than the ring does not come in, and what is as large has it for itself", () => {
  const { made, dropped } = ring();
  const head = 8 + 4 + 2 * 4;
  made.add(0, ["a", ""]);
  expect(made.add(0, ["x".repeat(bytesMax - head), "y"])).toBeUndefined();
  expect(dropped).toEqual([]);
  expect(made.add(0, ["x".repeat(bytesMax - head - 1), "y"])).toBe(0);
  expect(dropped).toEqual(["a"]);
});

test("an entry that begins where the ring turned before is no turn", () => {
  const { made } = ring();
  const add = (length: number) => made.add(0, ["", "x".repeat(length - 20)]);
  const dropUpTo = (at: number) => {
    while (made.first !== at) made.dropFirst();
  };
  for (let at = 0; at < 900; at += 100) expect(add(100)).toBe(at);
  expect(add(200)).toBe(0);
  dropUpTo(0);
  for (let at = 200; at < 900; at += 100) expect(add(100)).toBe(at);
  expect(add(100)).toBe(900);
  for (let count = 0; count < 8; count++) made.dropFirst();
  expect(made.first).toBe(900);
});

test("whatever comes, goes and is wiped, the newest are there as they were written, and go in the order in which they came", () => {
  const stepsOf = (length: fc.Arbitrary<number>) =>
    fc.array(
      fc.record({
        length,
        /** So many are left at most. */
        keeps: fc.constantFrom(0, 1, 1, 2, 2, 3, 20, 20, 20),
        wipes: fc.integer({ min: 0, max: 5 }),
      }),
      { maxLength: 80 },
    );
  // In some runs entries begin and end where others did before.
  const steps = fc.oneof(
    stepsOf(fc.integer({ min: 0, max: 500 })),
    stepsOf(fc.constantFrom(78, 178)),
  );
  fc.assert(
    fc.property(steps, (list) => {
      const { made, dropped } = ring();
      const there: { name: string; at: number; text: string }[] = [];
      for (const [index, { length, keeps, wipes }] of list.entries()) {
        const name = String(index).padStart(2, "0");
        const text = "x".repeat(length);
        const at = made.add(index, [name, text]);
        if (at !== undefined) there.push({ name, at, text });
        for (let count = there.length - dropped.length; count > keeps; count--) made.dropFirst();
        const gone = there.splice(0, dropped.length);
        // A wiped one has no name any more.
        for (const [place, one] of gone.entries()) expect(["", one.name]).toContain(dropped[place]);
        dropped.length = 0;
        const wiped = there.at(-1 - wipes);
        if (wiped !== undefined) {
          made.wipe(wiped.at);
          wiped.name = wiped.text = "";
        }
        expect(made.first).toBe(there[0]?.at);
        for (const one of there) {
          expect(made.partAt(one.at, 0).toString()).toBe(one.name);
          expect(made.partAt(one.at, 1).toString()).toBe(one.text);
        }
      }
    }),
  );
});
