import { z } from "zod";
import { nanoUsdFrom } from "../lib/usd.ts";
import { didYouMean } from "./did-you-mean.ts";

/**
 * What a field of the configuration may hold. Each message is the rest of a sentence that begins with the
 * field's path, and none repeats a value: it may have come from a secret.
 */
export interface FieldProblem {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Fields by name; one that is not among them is refused, with the one that was probably meant. */
export function strictFields<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? unknownFields(issue.keys, known)
        : mustBe("must hold fields, one a line")(issue),
  });
}

/** Things by the names that the operator gives them; `rule` says what there must be, beginning with "must". */
export function named<Value extends z.ZodType>(
  name: z.ZodString,
  value: Value,
  nameRule: string,
  rule = "must hold a name for each entry; leave it out if there is none",
) {
  return z.record(name, value, {
    error: (issue) =>
      issue.code === "invalid_key"
        ? `is no good name: it must be ${nameRule}`
        : mustBe(rule)(issue),
  });
}

export function wholeNumber({ min, max }: { min: number; max: number }) {
  const error = mustBe(`must be a whole number from ${min} to ${max}`);
  return z.int({ error }).min(min, { error }).max(max, { error });
}

export function fraction({ min, max }: { min: number; max: number }) {
  const error = mustBe(`must be a number from ${min} to ${max}`);
  return z.number({ error }).min(min, { error }).max(max, { error });
}

export const truth = (rule: string) => z.boolean({ error: mustBe(rule) });

/** US dollars, as text or as a number: exact to the nano-dollar, and up to nine million. */
export function usdAmount() {
  const error = mustBe(
    'must be US dollars up to 9000000, with at most nine digits after the point, as "12.50"',
  );
  const isAmount = (amount: string | number) => nanoUsdFrom(amount) !== undefined;
  return z.union([z.string(), z.number()], { error }).refine(isAmount, { error });
}

/** Text that matches; `rule` says what that is, beginning with "must". */
export function text({ pattern, rule }: { pattern: RegExp; rule: string }) {
  const error = mustBe(rule);
  return z.string({ error }).regex(pattern, { error });
}

/** A model, or an alias of models, as a client names it. */
export const modelName = () =>
  text({ pattern: /^\S{1,256}$/, rule: "must be the name of a model or an alias" });

export function listOf<Entry extends z.ZodType>(
  entry: Entry,
  { min = 0, max }: { min?: number; max: number },
) {
  const error = mustBe(`must be a list of ${min === 0 ? "at most" : `${min} to`} ${max} entries`);
  const list = z.array(entry, { error }).max(max, { error });
  return min === 0 ? list : list.min(min, { error });
}

/** One of these words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: (issue) => choice(issue.input, words) });
}

/** What to say of a word that is not among those that may be chosen. */
export function choice(input: unknown, words: readonly string[]): string {
  const list = words.join(", ");
  if (input === undefined) return `is missing: it must be one of ${list}`;
  const meant = typeof input === "string" ? didYouMean(input, words) : undefined;
  return `must be one of ${list}${meant === undefined ? "" : `; did you mean "${meant}"?`}`;
}

/** The message for a value of the wrong kind, or for one that is not there. */
export const mustBe = (rule: string) => (issue: { readonly input?: unknown }) =>
  issue.input === undefined ? `is missing: it ${rule}` : rule;

function unknownFields(unknown: readonly string[], known: readonly string[]): string {
  const parts = unknown.slice(0, unknownShownMax).map((name) => {
    const meant = didYouMean(name, known);
    return JSON.stringify(name) + (meant === undefined ? "" : ` (did you mean "${meant}"?)`);
  });
  return `has no field ${parts.join(", ")}; its fields are ${known.join(", ")}`;
}

const unknownShownMax = 10;

/** A path as people write it: `providers.openai.api_keys[0]`, `models["gpt-4.1"].targets`. */
export function fieldPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "the file";
  return path.map((part, index) => pathPart(part, index === 0)).join("");
}

function pathPart(part: PropertyKey, isFirst: boolean): string {
  if (typeof part === "number") return `[${part}]`;
  const name = String(part);
  if (!/^[\w@:/-]+$/.test(name)) return `[${JSON.stringify(name)}]`;
  return isFirst ? name : `.${name}`;
}
