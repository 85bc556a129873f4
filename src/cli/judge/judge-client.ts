import { z } from "zod";

import type { Subject } from "../../pipeline/judge/calibration/anchor.ts";
import { CommandFailed } from "../gateway-client.ts";
import type { Answer, GatewayClient } from "../gateway-client.ts";

/** An evaluator, as far as calibrating it needs to know. */
const evaluatorSchema = z.object({
  name: z.string(),
  version: z.string(),
  subject: z.enum(["answer", "pair"]),
  ordinal: z.boolean(),
  labels: z.array(z.object({ label: z.string(), score: z.number().nullable() })),
});
export type JudgeEvaluator = z.infer<typeof evaluatorSchema>;

const verdictSchema = z.object({
  version: z.string(),
  model: z.string(),
  status: z.enum(["scored", "not_applicable", "failed"]),
  score: z.number().nullable(),
  label: z.string().nullable(),
  label_swapped: z.string().nullable(),
  failure: z.string().nullable(),
  cost_nano_usd: z.int(),
});
export type JudgeVerdict = z.infer<typeof verdictSchema>;

export const judgePath = (name: string): string => `/admin/v1/judges/${encodeURIComponent(name)}`;

export async function fetchEvaluator(client: GatewayClient, name: string): Promise<JudgeEvaluator> {
  return parsed(evaluatorSchema, await client.ask("GET", judgePath(name)));
}

/** Both orders, each perhaps with a repair, of a slow model. */
const verdictMs = 120_000;

export async function fetchVerdict(
  client: GatewayClient,
  {
    name,
    model,
    subject,
  }: {
    readonly name: string;
    readonly model: string | undefined;
    readonly subject: Subject;
  },
): Promise<JudgeVerdict> {
  const path = `${judgePath(name)}/evaluate`;
  const answer = await client.ask("POST", path, { model, subject }, { answerMs: verdictMs });
  return parsed(verdictSchema, answer);
}

function parsed<Schema extends z.ZodType>(schema: Schema, answer: Answer): z.output<Schema> {
  const { data, error } = schema.safeParse(answer);
  if (data !== undefined) return data;
  throw new CommandFailed(
    "The gateway's answer is not what this version of sentinel expects. Are both of the same version?",
    { cause: error },
  );
}
