import { expect, test } from "vitest";

import { evaluatorSchema } from "../../../../../src/config/judge-config.ts";
import { calibrationOf } from "../../../../../src/pipeline/judge/calibration/calibration.ts";
import { toEvaluator } from "../../../../../src/pipeline/judge/evaluators/evaluator-definition.ts";
import { openEvaluators } from "../../../../../src/pipeline/judge/evaluators/evaluators.ts";
import type {
  StoredCalibration,
  StoredEvaluator,
} from "../../../../../src/pipeline/judge/evaluators/judge-store.ts";
import { versionOf } from "../../../../../src/pipeline/judge/evaluators/version.ts";
import { until } from "../../../../support/gateway.ts";

const definitionOf = (instructions: string) => ({
  instructions,
  scale: { anchors: { 1: "Bad.", 5: "Good." } },
});
const inputOf = (instructions: string) => evaluatorSchema.parse(definitionOf(instructions));
const versionIn = (name: string, instructions: string) =>
  versionOf(toEvaluator(name, inputOf(instructions), "admin"));

const aStored = (fields: Partial<StoredEvaluator> & { readonly instructions?: string } = {}) => {
  const { instructions = "How kind?", ...others } = fields;
  const name = others.name ?? "kindness";
  return {
    name,
    version: versionIn(name, instructions),
    definition: definitionOf(instructions),
    isCurrent: true,
    createdAtMs: 1_000,
    ...others,
  };
};

const report = calibrationOf({ evaluator: toEvaluator("x", inputOf("x"), "admin"), items: [] });
const aCalibration = (fields: Partial<StoredCalibration>): StoredCalibration => ({
  id: "2",
  evaluator: "relevance",
  version: "0123456789ab",
  model: "o3",
  report,
  anchors: null,
  createdAtMs: 1,
  ...fields,
});

/** A store whose content is what the test says. */
async function openOver(
  content: {
    evaluators?: readonly StoredEvaluator[];
    calibrations?: readonly StoredCalibration[];
    isDown?: boolean;
  },
  refreshMs = 3_600_000,
) {
  const errors: unknown[] = [];
  const reads = { count: 0 };
  const answer = <Value>(value: Value): Promise<Value> =>
    content.isDown === true ? Promise.reject(new Error("down")) : Promise.resolve(value);
  const evaluators = await openEvaluators({
    store: {
      listEvaluators: () => {
        reads.count += 1;
        return answer(content.evaluators ?? []);
      },
      listCalibrations: () => answer(content.calibrations ?? []),
    },
    judges: [{ name: "brevity", input: inputOf("How short?") }],
    onError: (error) => errors.push(error),
    refreshMs,
  });
  return { evaluators, errors, reads };
}

test("built-in, configured and stored evaluators are found by name and by version", async () => {
  const { evaluators } = await openOver({ evaluators: [aStored()] });
  using _closed = evaluators;
  for (const [name, source] of [
    ["relevance", "built-in"],
    ["brevity", "yaml"],
    ["kindness", "admin"],
  ] as const) {
    const found = evaluators.find(name);
    expect(found?.evaluator).toMatchObject({ name, source });
    expect(evaluators.find(`${name}@${found?.version ?? ""}`)).toBe(found);
    expect(evaluators.find(`${name}@0123456789ab`)).toBeUndefined();
  }
  expect(evaluators.find("toString")).toBeUndefined();
});

test("a name means its current version, and the others stay reachable", async () => {
  const before = aStored({ instructions: "One", isCurrent: false });
  const after = aStored({ instructions: "Two", createdAtMs: 2_000 });
  const { evaluators } = await openOver({ evaluators: [before, after] });
  using _closed = evaluators;
  expect(evaluators.find("kindness")?.evaluator.instructions).toBe("Two");
  const older = evaluators.find(`kindness@${versionIn("kindness", "One")}`);
  expect(older?.evaluator.instructions).toBe("One");
  const versions = evaluators.versions("kindness").map(({ version }) => version);
  expect(versions).toEqual([after.version, before.version]);
  expect(evaluators.list().filter(({ evaluator }) => evaluator.name === "kindness")).toHaveLength(
    1,
  );
});

test("the version is that of the verdicts of today, whatever it was stored as", async () => {
  const stored = aStored({ version: "000000000000", isCurrent: false });
  const { evaluators } = await openOver({ evaluators: [stored, aStored()] });
  using _closed = evaluators;
  expect(evaluators.find("kindness@000000000000")).toBeUndefined();
  expect(evaluators.versions("kindness").map(({ version }) => version)).toEqual([
    versionIn("kindness", "How kind?"),
  ]);
});

test("what Sentinel brings along and what the file has go before what is stored by their names", async () => {
  const stored = ["relevance", "brevity"].map((name) => aStored({ name }));
  const { evaluators } = await openOver({ evaluators: stored });
  using _closed = evaluators;
  expect(evaluators.find("relevance")?.evaluator.source).toBe("built-in");
  expect(evaluators.find("brevity")?.evaluator.source).toBe("yaml");
  expect(evaluators.find(`brevity@${stored[1]?.version ?? ""}`)).toBeUndefined();
});

test("when the file is read again its evaluators take the place of those before, and what they hid is back", async () => {
  const { evaluators } = await openOver({ evaluators: [aStored({ name: "brevity" })] });
  using _closed = evaluators;
  evaluators.reload([{ name: "candour", input: inputOf("How frank?") }]);
  expect(evaluators.find("candour")?.evaluator.source).toBe("yaml");
  expect(evaluators.find("brevity")?.evaluator.source).toBe("admin");
});

test("a name whose current version cannot be read means nothing, rather than an older one", async () => {
  const strange = aStored({ version: "0123456789ab", definition: { new_field: 1 } });
  const { evaluators } = await openOver({ evaluators: [aStored({ isCurrent: false }), strange] });
  using _closed = evaluators;
  expect(evaluators.find("kindness")).toBeUndefined();
  expect(evaluators.find(`kindness@${aStored().version}`)).toBeDefined();
  expect(evaluators.problems()).toMatchObject([{ name: "kindness", version: "0123456789ab" }]);
});

test("what is known stays known while the store does not answer, which is told once", async () => {
  const content = { evaluators: [aStored()], isDown: false };
  const { evaluators, errors, reads } = await openOver(content, 1);
  using _closed = evaluators;
  content.isDown = true;
  content.evaluators = [];
  await until("it was told", () => errors.length > 0);
  const before = reads.count;
  await until("it was tried again", () => reads.count > before + 2);
  expect(errors).toHaveLength(1);
  expect(evaluators.find("kindness")).toBeDefined();
  content.isDown = false;
  await until("it is gone", () => evaluators.find("kindness") === undefined);
});

test("without its store Sentinel starts with what it brings along, and the rest comes later", async () => {
  const content = { evaluators: [aStored()], isDown: true };
  const { evaluators, errors } = await openOver(content);
  using _closed = evaluators;
  expect(errors).toHaveLength(1);
  expect(evaluators.find("relevance")).toBeDefined();
  await expect(evaluators.refresh()).rejects.toThrow("down");
  content.isDown = false;
  await evaluators.refresh();
  expect(evaluators.find("kindness")).toBeDefined();
});

test("whoever looks for one that is not known has the store read again, and no job dies by a store that was away", async () => {
  const content = { evaluators: [aStored()], isDown: true };
  const { evaluators, reads } = await openOver(content);
  using _closed = evaluators;
  await expect(evaluators.look("kindness")).rejects.toThrow("down");
  content.isDown = false;
  expect(await evaluators.look("kindness")).toMatchObject({ evaluator: { name: "kindness" } });
  const before = reads.count;
  expect(await evaluators.look("kindness")).toBeDefined();
  expect(reads.count).toBe(before);
  expect(await evaluators.look("nobody")).toBeUndefined();
});

test("the calibration of a version and a model is the newest that can be read", async () => {
  const newest = aCalibration({ id: "3", report: { ...report, items: 7 } });
  const foreign = aCalibration({ id: "4", model: "gpt-4o", report: { from_the_future: 1 } });
  const { evaluators } = await openOver({ calibrations: [foreign, newest, aCalibration({})] });
  using _closed = evaluators;
  expect(evaluators.calibration("relevance", "0123456789ab", "o3")?.items).toBe(7);
  expect(evaluators.calibration("relevance", "0123456789ab", "gpt-4o")).toBeUndefined();
  expect(evaluators.calibration("relevance", "ba9876543210", "o3")).toBeUndefined();
});
