import { expect, test } from "vitest";

import { groupsMax, groupsOf } from "../../../../src/cli/judge/groups.ts";
import { readLabelled, spread } from "../../../../src/cli/judge/read-labelled.ts";

const sizes = (ids: readonly string[]) =>
  groupsOf(ids.map((id) => ({ id }))).map(({ name, items }) => [name, items.length]);

test("items are grouped by every depth of what stands before # in their ids", () => {
  expect(sizes(["a/x#1", "a/x#2", "a/y#1", "b#7", "plain", "#3"])).toEqual([
    ["all", 6],
    ["a", 3],
    ["a/x", 2],
    ["a/y", 1],
    ["b", 1],
  ]);
});

test("a group with but one group in it goes by the longer name", () => {
  expect(sizes(["a/x#1", "b#2", "a/x#3"])).toEqual([
    ["all", 3],
    ["a/x", 2],
    ["b", 1],
  ]);
});

test("ids that are all different are no groups", () => {
  const ids = Array.from({ length: groupsMax + 1 }, (_, at) => `${at}#0`);
  expect(sizes(ids)).toEqual([["all", groupsMax + 1]]);
});

test("a limit takes from all over the file, in its order", () => {
  const numbers = Array.from({ length: 10 }, (_, at) => at);
  expect(spread(numbers, 4)).toEqual([0, 2, 5, 7]);
  expect(spread(numbers, 100)).toEqual(numbers);
  expect(spread(numbers, 0)).toEqual([]);
});

async function* lines(...texts: readonly string[]) {
  for (const [at, text] of texts.entries()) yield await Promise.resolve({ number: at + 1, text });
}

const answer = (id: string) => JSON.stringify({ id, question: "q", answer: "a", label: 1 });
const pair = JSON.stringify({ question: "q", output_1: "a", output_2: "b", human_label: 2 });

test("wrong lines are named by their numbers, and so are those of another kind", async () => {
  const file = await readLabelled(lines(answer("x#1"), "", "nonsense", pair, answer("y#1")), "x");
  expect(file.items.map(({ id }) => id)).toEqual(["x#1"]);
  expect(file.problems).toEqual([
    "line 3 is no JSON",
    "line 4 is of the kind output_1 and output_2, and those before are of the kind of one answer",
  ]);
});

test("of a file that is something else only the first lines are named", async () => {
  const file = await readLabelled(lines(...Array.from({ length: 500 }, () => "nonsense")), "");
  expect(file).toMatchObject({ kind: undefined, items: [] });
  expect(file.problems.length).toBe(20);
});
