import { isJsonObject, objectsOf } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import type { Evaluator, EvaluatorLabel } from "../evaluators/evaluator.ts";
import type { SaidVerdict } from "./read-verdict.ts";

/** Tokens that are labels have to hold this much of the probability: otherwise it is about something else. */
const massMin = 0.5;
/** With fewer alternatives nothing can be weighed. */
const candidatesMin = 2;

/**
 * The mean of the labels' scores, weighted by how probable the judge found each of them: finer than the one label that it
 * said. Undefined where the provider tells no probabilities, or it cannot be told from them which label each token begins.
 * (G-Eval: Liu et al. 2023, https://arxiv.org/abs/2303.16634, section 2)
 */
export function weighedScore(
  completion: JsonObject,
  said: SaidVerdict,
  evaluator: Evaluator,
): number | undefined {
  const found = labelToken(completion, said.labelAt);
  if (found === undefined) return undefined;
  const { candidates, prefix } = found;
  if (candidates.size < candidatesMin) return undefined;
  const isBare = !evaluator.parameters.reason;
  const weights = new Map<EvaluatorLabel, number>();
  for (const [token, probability] of candidates) {
    if (!token.startsWith(prefix)) continue;
    const label = labelBegunBy(token.slice(prefix.length), evaluator.labels, isBare);
    if (label === "ambiguous") return undefined;
    if (label !== undefined) weights.set(label, (weights.get(label) ?? 0) + probability);
  }
  return weights.has(said.label) ? meanOf(weights) : undefined;
}

function meanOf(weights: ReadonlyMap<EvaluatorLabel, number>): number | undefined {
  let mass = 0;
  let scoredMass = 0;
  let sum = 0;
  for (const [{ score }, weight] of weights) {
    mass += weight;
    if (score === null) continue;
    scoredMass += weight;
    sum += weight * score;
  }
  // Rounding must not take it out of its range.
  return mass < massMin || scoredMass === 0
    ? undefined
    : Math.min(1, Math.max(0, sum / scoredMass));
}

interface LabelToken {
  /** Probabilities by token. */
  readonly candidates: ReadonlyMap<string, number>;
  /** What the token has before the label: a quotation mark, a space. */
  readonly prefix: string;
}

/** The token in which the label begins. Tokens are compared as bytes: one may hold half a character. */
function labelToken(completion: JsonObject, labelAt: number): LabelToken | undefined {
  const [choice] = objectsOf(completion["choices"]);
  const { message, logprobs } = choice ?? {};
  const content = isJsonObject(message) ? message["content"] : undefined;
  if (typeof content !== "string" || !isJsonObject(logprobs)) return undefined;
  const tokens = objectsOf(logprobs["content"]);
  const parts = tokens.map(bytesOf);
  // Some tell of a white space that they took off, of what was thought before, or of the token that ends the answer.
  const before = Buffer.concat(parts).lastIndexOf(content);
  if (before === -1) return undefined;
  const wantedAt = before + Buffer.byteLength(content.slice(0, labelAt));
  let at = 0;
  for (const [index, part] of parts.entries()) {
    const token = tokens[index];
    if (token !== undefined && wantedAt < at + part.length) {
      const prefix = part.subarray(0, wantedAt - at).toString("utf8");
      return { candidates: candidatesOf(token), prefix };
    }
    at += part.length;
  }
  return undefined;
}

function bytesOf({ token, bytes }: JsonObject): Buffer {
  if (Array.isArray(bytes) && bytes.every((byte) => Number.isInteger(byte))) {
    return Buffer.from(bytes);
  }
  return Buffer.from(typeof token === "string" ? token : "", "utf8");
}

/** The token that was said is usually, and not always, among the most probable. */
function candidatesOf(token: JsonObject): ReadonlyMap<string, number> {
  const candidates = new Map<string, number>();
  for (const { token: text, logprob } of [...objectsOf(token["top_logprobs"]), token]) {
    if (typeof text !== "string" || typeof logprob !== "number" || Number.isNaN(logprob)) continue;
    candidates.set(text, Math.min(1, Math.exp(logprob)));
  }
  return candidates;
}

/**
 * A token that goes on after a label's last letter has all of it. One that does not may be the beginning of a longer one:
 * of "1" and "10", "1" begins both, and nothing can be weighed. What is no beginning of a label is none.
 */
function labelBegunBy(
  token: string,
  labels: readonly EvaluatorLabel[],
  isBare: boolean,
): EvaluatorLabel | "ambiguous" | undefined {
  const folded = isBare ? token.toLowerCase() : token;
  const word = /^[\w-]+/.exec(folded)?.[0];
  if (word === undefined) return undefined;
  const isWhole = word.length < folded.length;
  const [first, ...others] = labels.filter(({ label }) => {
    const name = isBare ? label.toLowerCase() : label;
    return isWhole ? name === word : name.startsWith(word);
  });
  return others.length > 0 ? "ambiguous" : first;
}
