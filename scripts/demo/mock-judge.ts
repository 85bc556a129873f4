import { hash } from "node:crypto";

import { z } from "zod";

/** What the demo's judge says to one request: of an answer, or that it will not. */
export type MockVerdict = { readonly text: string } | { readonly refusal: string };

/** As much of a request for a verdict as it takes to give one. */
export interface VerdictAsked {
  readonly messages: readonly { readonly content?: unknown }[];
  readonly responseFormat: unknown;
}

const formatSchema = z.object({
  json_schema: z.object({
    schema: z.object({
      properties: z.object({ label: z.object({ enum: z.array(z.string()).min(1) }) }),
    }),
  }),
});

/**
 * A verdict as a judge model would give it, but drawn by lot: the same question and rubric always get the same one. Most
 * labels are good ones; a few replies are prose, which the judge may mend when it is asked once more, and a few refuse.
 * Undefined: the request asks for no verdict.
 */
export function verdictOn({ messages, responseFormat }: VerdictAsked): MockVerdict | undefined {
  const labels =
    formatSchema.safeParse(responseFormat).data?.json_schema.schema.properties.label.enum;
  if (labels === undefined) return undefined;
  const [rubric = "", material = ""] = messages.map(({ content }) => String(content));
  const question = /<<<QUESTION (\S+)>>>\n([^]*?)\n<<<END OF QUESTION \1>>>/.exec(material)?.[2];
  const draw = drawOf(rubric + (question ?? material));
  const isAskedAgain = messages.length > 2;
  if (draw.trouble < refusals) return { refusal: "I would rather not judge this one." };
  const isProse = draw.trouble < refusals + stubborn;
  const isMended = draw.trouble < refusals + stubborn + mended;
  if (isProse || (isMended && !isAskedAgain)) {
    return { text: "I would call this a fairly good answer, all in all." };
  }
  // The root makes the labels at the end, which are the best, the most frequent ones.
  const label = labels[Math.floor(Math.sqrt(draw.label) * labels.length)] ?? labels[0];
  return { text: JSON.stringify({ reason: "The lot of the demo fell on it.", label }) };
}

/** Shares of the questions. */
const refusals = 0.02;
const stubborn = 0.02;
const mended = 0.04;

/** Two numbers from 0 to below 1. */
function drawOf(text: string): { readonly trouble: number; readonly label: number } {
  const digest = hash("sha256", text, "buffer");
  return { trouble: digest.readUInt32BE(0) / 2 ** 32, label: digest.readUInt32BE(4) / 2 ** 32 };
}
