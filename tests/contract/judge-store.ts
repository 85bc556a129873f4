import { describe, expect, test } from "vitest";

import { calibrationBounds } from "../../src/pipeline/judge/calibration/calibration-bounds.ts";
import { anchorRunsMax } from "../../src/pipeline/judge/evaluators/judge-store.ts";
import type {
  JudgeStore,
  StoredCalibration,
  StoredEvaluator,
} from "../../src/pipeline/judge/evaluators/judge-store.ts";

/** Opens an empty store. */
type OpenStore = () => Promise<{ readonly judges: JudgeStore } & AsyncDisposable>;

const many = { versionsMax: 100 };

const anEvaluator = (fields: Partial<Omit<StoredEvaluator, "isCurrent">> = {}) => ({
  name: "politeness",
  version: "0123456789ab",
  definition: { instructions: "Be ünkind: “…” 🙂", labels: [{ label: "4", score: null }] },
  createdAtMs: 1_000,
  ...fields,
});

const idOf = (number: number): string => `01J${String(number).padStart(23, "0")}`;

const aCalibration = (fields: Partial<StoredCalibration> = {}): StoredCalibration => ({
  id: idOf(1),
  evaluator: "relevance",
  version: "0123456789ab",
  model: "gpt-4o-mini",
  report: { n: 10, kappa: { value: 0.6123456789012345, low: null } },
  anchors: null,
  createdAtMs: 1_000,
  ...fields,
});

const anchors = { count: 2, kappa: 0.6123456789012345 };
const texts = [{ subject: { question: "ü?" } }, { subject: { question: "two" } }];
const aRun = { day: "2026-11-01", kappa: 0.512345678901234, n: 9, failed: 1 };

/** What every store of judges does. */
export function judgeStoreContract(name: string, openStore: OpenStore): void {
  describe(`evaluators in ${name}`, () => {
    test("a version is found again as it was given, and is what its name means", async () => {
      await using store = await openStore();
      expect(await store.judges.putEvaluator(anEvaluator(), many)).toBe("created");
      expect(await store.judges.listEvaluators()).toEqual([{ ...anEvaluator(), isCurrent: true }]);
    });

    test("the version that was put last is what the name means; the others stay as they were", async () => {
      await using store = await openStore();
      const first = anEvaluator();
      const second = anEvaluator({
        version: "aaaaaaaaaaaa",
        definition: { samples: 2 },
        createdAtMs: 2_000,
      });
      await store.judges.putEvaluator(first, many);
      expect(await store.judges.putEvaluator(second, many)).toBe("created");
      expect(await store.judges.listEvaluators()).toEqual([
        { ...first, isCurrent: false },
        { ...second, isCurrent: true },
      ]);
      const again = anEvaluator({ definition: { changed: true }, createdAtMs: 9_000 });
      expect(await store.judges.putEvaluator(again, many)).toBe("known");
      expect(await store.judges.listEvaluators()).toEqual([
        { ...first, isCurrent: true },
        { ...second, isCurrent: false },
      ]);
    });

    test("a hidden name is gone with its versions, and back with them when it is put again", async () => {
      await using store = await openStore();
      const other = anEvaluator({ name: "brevity" });
      await store.judges.putEvaluator(anEvaluator(), many);
      await store.judges.putEvaluator(anEvaluator({ version: "aaaaaaaaaaaa" }), many);
      await store.judges.putEvaluator(other, many);
      expect(await store.judges.hideEvaluator("politeness")).toBe(true);
      expect(await store.judges.hideEvaluator("politeness")).toBe(false);
      expect(await store.judges.listEvaluators()).toEqual([{ ...other, isCurrent: true }]);
      expect(await store.judges.putEvaluator(anEvaluator(), many)).toBe("known");
      const names = (await store.judges.listEvaluators()).map((each) => each.name);
      expect(names).toEqual(["brevity", "politeness", "politeness"]);
    });

    test("one more version than may be kept is not, but for one that is known", async () => {
      await using store = await openStore();
      const limit = { versionsMax: 2 };
      await store.judges.putEvaluator(anEvaluator(), limit);
      await store.judges.putEvaluator(anEvaluator({ version: "aaaaaaaaaaaa" }), limit);
      const third = anEvaluator({ version: "bbbbbbbbbbbb" });
      expect(await store.judges.putEvaluator(third, limit)).toBe("full");
      expect(await store.judges.putEvaluator(anEvaluator(), limit)).toBe("known");
      const all = await store.judges.listEvaluators();
      expect(all.map(({ version, isCurrent }) => [version, isCurrent])).toEqual([
        ["0123456789ab", true],
        ["aaaaaaaaaaaa", false],
      ]);
    });

    test("hidden versions make room where there is none", async () => {
      await using store = await openStore();
      const limit = { versionsMax: 2 };
      await store.judges.putEvaluator(anEvaluator({ name: "old" }), limit);
      await store.judges.putEvaluator(anEvaluator({ name: "kept" }), limit);
      await store.judges.hideEvaluator("old");
      expect(await store.judges.putEvaluator(anEvaluator({ name: "new" }), limit)).toBe("created");
      expect(await store.judges.putEvaluator(anEvaluator({ name: "old" }), limit)).toBe("full");
      const names = (await store.judges.listEvaluators()).map((each) => each.name);
      expect(names).toEqual(["kept", "new"]);
    });

    test("several who put the same at once make one", async () => {
      await using store = await openStore();
      const outcomes = await Promise.all(
        [1, 2, 3].map(() => store.judges.putEvaluator(anEvaluator(), many)),
      );
      expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(1);
      expect(await store.judges.listEvaluators()).toHaveLength(1);
    });
  });

  describe(`calibrations in ${name}`, () => {
    test("a calibration is found again as it was given, the newest first, by its evaluator", async () => {
      await using store = await openStore();
      const newer = aCalibration({ id: idOf(3), anchors });
      const other = aCalibration({ id: idOf(2), evaluator: "toxicity" });
      for (const each of [aCalibration(), other]) await store.judges.putCalibration(each, []);
      await store.judges.putCalibration(newer, texts);
      expect(await store.judges.listCalibrations("relevance")).toEqual([newer, aCalibration()]);
      expect(await store.judges.listCalibrations()).toEqual([newer, other, aCalibration()]);
      expect(await store.judges.listCalibrations("nothing")).toEqual([]);
    });

    test("anchors stay as they were put, until newer ones of the same model come", async () => {
      await using store = await openStore();
      await store.judges.putCalibration(aCalibration({ anchors }), texts);
      await store.judges.putCalibration(aCalibration({ id: idOf(2), model: "o3", anchors }), texts);
      await store.judges.putCalibration(aCalibration({ id: idOf(3) }), []);
      expect(await store.judges.getAnchors(idOf(1))).toEqual(texts);
      expect(await store.judges.getAnchors(idOf(3))).toBeUndefined();
      await store.judges.putCalibration(aCalibration({ id: idOf(4), anchors }), texts.slice(1));
      expect(await store.judges.getAnchors(idOf(1))).toBeUndefined();
      expect(await store.judges.getAnchors(idOf(2))).toEqual(texts);
      expect(await store.judges.getAnchors(idOf(4))).toEqual(texts.slice(1));
    });

    test("of one evaluator, version and model the last ten calibrations stay, the others go whole", async () => {
      await using store = await openStore();
      const all = Array.from({ length: calibrationBounds.perModelMax + 1 }, (_, at) => idOf(at));
      await store.judges.putCalibration(aCalibration({ id: idOf(100), version: "bb" }), []);
      for (const [at, id] of all.entries()) {
        const first = at === 0 ? { anchors } : {};
        await store.judges.putCalibration(aCalibration({ id, ...first }), at === 0 ? texts : []);
        if (at === 0) await store.judges.putAnchorRun(id, aRun);
      }
      const kept = (await store.judges.listCalibrations()).map(({ id }) => id);
      expect(kept).toEqual([idOf(100), ...all.slice(1).reverse()]);
      expect(await store.judges.getAnchors(idOf(0))).toBeUndefined();
      expect(await store.judges.listAnchorRuns([idOf(0)])).toEqual([[]]);
    });

    test("a day has one run, the one that came last; and runs are listed the newest day first", async () => {
      await using store = await openStore();
      await store.judges.putCalibration(aCalibration({ anchors }), texts);
      await store.judges.putCalibration(aCalibration({ id: idOf(2), model: "o3" }), []);
      const second = { ...aRun, day: "2026-11-02", kappa: null };
      await store.judges.putAnchorRun(idOf(1), second);
      await store.judges.putAnchorRun(idOf(1), { ...aRun, n: 1 });
      await store.judges.putAnchorRun(idOf(1), aRun);
      await store.judges.putAnchorRun("nobody's", aRun);
      const listed = await store.judges.listAnchorRuns([idOf(2), idOf(1), "nobody's"]);
      expect(listed).toEqual([[], [second, aRun], []]);
      expect(await store.judges.listAnchorRuns([])).toEqual([]);
    });

    test("runs beyond the bound are let go, the oldest first", async () => {
      await using store = await openStore();
      await store.judges.putCalibration(aCalibration({ anchors }), texts);
      const days = Array.from({ length: anchorRunsMax + 2 }, (_, at) =>
        new Date(Date.UTC(2026, 0, 1 + at)).toISOString().slice(0, 10),
      );
      for (const day of days) await store.judges.putAnchorRun(idOf(1), { ...aRun, day });
      const [runs = []] = await store.judges.listAnchorRuns([idOf(1)]);
      expect(runs.map(({ day }) => day)).toEqual(days.slice(2).reverse());
    });
  });
}
