import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";

import { expect, test } from "vitest";

import { readLines } from "../../../../src/cli/cache/read-lines.ts";
import { groupsOf } from "../../../../src/cli/judge/groups.ts";
import { readLabelled } from "../../../../src/cli/judge/read-labelled.ts";
import { recordedItems, recordedScale } from "../../../../src/cli/judge/recorded.ts";
import { calibrationOf } from "../../../../src/pipeline/judge/calibration/calibration.ts";

/**
 * The verdicts of GPT-4 and ChatGPT on LLMBar and MT-Bench (Zeng et al. 2023, https://arxiv.org/abs/2310.07641), which are
 * not ours to keep in the repository.
 */
const path = join(import.meta.dirname, "../../../../../shared/data/judge/llmbar_pairs.jsonl");
const isMissing = !existsSync(path);
if (isMissing)
  process.stderr.write("SKIPPED: there is no ../shared/data/judge/llmbar_pairs.jsonl\n");

const published = [
  ["Processed/MT-Bench", "GPT-4/Metrics_Reference", 200, 0.81, 0.84, 0.61],
  ["Processed/MT-Bench", "ChatGPT/Metrics_Reference", 200, 0.7075, 0.625, 0.37],
  ["LLMBar/Adversarial", "GPT-4/Vanilla", 319, 0.81, 0.92, 0.58],
  ["LLMBar/Adversarial", "GPT-4/Metrics_Reference", 319, 0.845, 0.9, 0.67],
  ["LLMBar/Adversarial", "ChatGPT/Vanilla", 319, 0.27, 0.64, -0.45],
] as const;

test.skipIf(isMissing)(
  "the recorded figures of GPT-4 and ChatGPT come out of their verdicts",
  async () => {
    const { items, problems } = await readLabelled(readLines(createReadStream(path), 1e6), "");
    expect(problems).toEqual([]);
    expect(items.length).toBe(619);
    const evaluator = recordedScale("pair", items);
    for (const [name, recorder, count, accuracy, agreement, kappa] of published) {
      const group = groupsOf(items).find((each) => each.name === name);
      const judged = recordedItems(group?.items ?? [], recorder, evaluator);
      const report = calibrationOf({ evaluator, items: judged });
      expect(report.compared, name).toBe(count);
      expect(Math.abs((report.accuracy ?? 0) - accuracy), `${name} ${recorder}`).toBeLessThan(
        0.005,
      );
      expect(report.position?.agreement).toBeCloseTo(agreement, 2);
      expect(report.kappa.value).toBeCloseTo(kappa, 2);
      expect(report.kappa.low).toBeLessThan(kappa);
      expect(report.kappa.high).toBeGreaterThan(kappa);
    }
  },
);

test("ratings that nobody gave lie between the others all the same: kappa is by how far two are apart", async () => {
  const said = [
    [1, 1],
    [1, 2],
    [2, 5],
    [5, 5],
    [5, 2],
    [2, 2],
  ] as const;
  const lines = said.map(([human, judge], at) => ({
    number: at + 1,
    text: JSON.stringify({
      question: "q",
      answer: "a",
      human_label: human,
      recorded: { J: judge },
    }),
  }));
  const { items } = await readLabelled(Readable.from(lines), "");
  const evaluator = recordedScale("answer", items);
  const report = calibrationOf({ evaluator, items: recordedItems(items, "J", evaluator) });
  // 1 − Σ(a − b)² / n over its mean for every human with every judge: 19/6 and 97/18.
  expect(report.kappa.value).toBeCloseTo(40 / 97, 12);
});
