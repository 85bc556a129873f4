import { expect, test } from "vitest";

import type { AuditEntry } from "../../../../../src/pipeline/audit/entry.ts";
import { judgeComplaint } from "../../../../../src/pipeline/judge/sampling/judge-complaint.ts";
import { judgeJobSchema } from "../../../../../src/pipeline/judge/sampling/judge-job.ts";
import { anEntry } from "../../../../support/audit-builders.ts";

const policy = { evaluators: ["relevance"], model: "judge", daily_tokens: 1, sample_rate: 0 };

const sizes = { prompt_sha256: "", answer_sha256: "", prompt_bytes: 1, answer_bytes: 1 };
const usage = {
  input_tokens: 5,
  cached_input_tokens: 0,
  cache_write_tokens: 0,
  output_tokens: 9,
  reasoning_tokens: 0,
  source: "provider",
} as const;

/** What is judged of an answer that only the store has, or why it is not. */
async function judgedText(
  different: Partial<AuditEntry>,
  { prompt = {}, answer }: { readonly prompt?: object; readonly answer: string },
): Promise<unknown> {
  const payload = { ...sizes, cut: false };
  const entry = { ...anEntry(Date.UTC(2026, 10, 20), { usage, ...different }), payload };
  const { id, tenant: tenantId } = entry;
  const place = { writer: "w", seq: 1, prevHash: "", hash: "" };
  const record = { id, ...place, text: JSON.stringify(entry), amendments: [] };
  const kept = { prompt: JSON.stringify(prompt), answer, cut: false };
  let text: unknown;
  const outcome = await judgeComplaint(
    { tenantId, requestId: id, policy, record },
    {
      journal: {
        jobs: ({ shared }) => {
          text = judgeJobSchema.omit({ evaluator: true }).parse(shared).judged.answer;
        },
      },
      recent: { take: () => undefined },
      auditLog: { payload: () => Promise.resolve(kept) },
    },
  );
  return text ?? outcome;
}

test("of a kept stream its text is judged, also where the model wrote JSON", async () => {
  expect(await judgedText({ stream: true }, { answer: "Bern." })).toBe("Bern.");
  expect(await judgedText({ stream: true }, { answer: '{"city":"Bern"}' })).toBe('{"city":"Bern"}');
});

test("a kept stream that may have thoughts or several answers in it is not judged", async () => {
  const thought = { ...usage, reasoning_tokens: 5 };
  const answer = "Hm. Bern.";
  expect(await judgedText({ stream: true, usage: thought }, { answer })).toBe("no_text");
  const prompt = { thinking: { type: "enabled", budget_tokens: 1_024 } };
  expect(await judgedText({ stream: true }, { prompt, answer })).toBe("no_text");
  expect(await judgedText({ stream: true }, { prompt: { n: 2 }, answer })).toBe("no_text");
});

test("of a kept whole answer its text is judged, and nothing where it was cut", async () => {
  const answer = JSON.stringify({ choices: [{ message: { content: "Bern." } }] });
  expect(await judgedText({ stream: false }, { answer })).toBe("Bern.");
  expect(await judgedText({ stream: false }, { answer: answer.slice(0, -9) })).toBe("no_text");
});
