import { z } from "zod";

import { askAdmin } from "./client.ts";
import { judgedBy, judgeModel } from "./tenants.ts";
import { plainQuestion } from "./questions.ts";

type Gateway = Parameters<typeof askAdmin>[0];

const judgeSchema = z.object({
  version: z.string(),
  labels: z.array(z.object({ label: z.string() })),
});

const verdictSchema = z.object({
  status: z.enum(["scored", "not_applicable", "failed"]),
  label: z.string().nullable(),
  score: z.number().nullable(),
});

/** So many answers are judged by the judge and by the demo's people. All at once, for which 32 are the gateway's limit. */
const answers = 30;

/**
 * Calibrates the demo's evaluators as `sentinel judge calibrate` does, with people who are made up: in two cases of three
 * they say what the judge says, otherwise a label beside it. What was judged is frozen as anchors.
 */
export async function calibrate(gateway: Gateway): Promise<void> {
  for (const evaluator of judgedBy) await calibrateOne(gateway, evaluator);
}

async function calibrateOne(gateway: Gateway, evaluator: string): Promise<void> {
  const path = `/judges/${evaluator}`;
  const { version, labels } = judgeSchema.parse(await askAdmin(gateway, path));
  const names = labels.map(({ label }) => label);
  const judged = await Promise.all(
    Array.from({ length: answers }, async (_, index) => {
      const subject = {
        kind: "answer",
        question: plainQuestion(index),
        answer: "Slowly, with a soft cloth and warm water, and without anything that scratches.",
      };
      const asked = { model: judgeModel, subject };
      const verdict = verdictSchema.parse(await askAdmin(gateway, `${path}/evaluate`, asked));
      return { subject, human: humanLabel(names, verdict.label, index), verdict };
    }),
  );
  await askAdmin(gateway, `${path}/calibrations`, {
    version,
    model: judgeModel,
    items: judged.map(({ subject, human, verdict }) => ({
      human_label: human,
      characters: [subject.answer.length],
      ...verdict,
    })),
    anchors: judged.flatMap(({ subject, human, verdict: { status, label, score } }) =>
      status === "scored" ? { subject, human_label: human, label, score } : [],
    ),
  });
}

function humanLabel(names: readonly string[], said: string | null, index: number): string {
  const best = names.length - 1;
  const place = said === null ? best : names.indexOf(said);
  const apart = index % 6 === 0 ? 2 : index % 3 === 0 ? 1 : 0;
  return names[place >= apart ? place - apart : Math.min(best, place + apart)] ?? "";
}
