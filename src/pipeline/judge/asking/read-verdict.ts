import { isJsonObject, objectsOf, readJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject, JsonText } from "../../../lib/json-text.ts";
import type { Evaluator, EvaluatorLabel } from "../evaluators/evaluator.ts";

/** What a judge's reply is. */
export type VerdictReply = SaidVerdict | NoVerdict | { readonly kind: "refused" };

export interface SaidVerdict {
  readonly kind: "verdict";
  readonly label: EvaluatorLabel;
  /** Empty where the evaluator wants none. */
  readonly reason: string;
  /** Where in the reply's content the label's value begins, without a quotation mark. */
  readonly labelAt: number;
}

export interface NoVerdict {
  readonly kind: "invalid";
  /** In our words, for the judge to read. */
  readonly why: string;
  readonly said: string;
  /** It had no room to end. */
  readonly isCut: boolean;
}

/** Of a reason so much is kept. */
const reasonCharactersMax = 4_000;
/** A verdict has no level but its own. */
const depthMax = 4;

/**
 * Reads a completion as a verdict, strictly: what is not exactly what was asked for is none, whatever it may have meant, since
 * a score is never guessed. Three things are forgiven, because they leave no doubt: white space and a code fence around the JSON,
 * a label of digits that was written as a number (4 for "4"), and, of a bare word, its case and a full stop.
 */
export function readVerdict(completion: JsonObject, evaluator: Evaluator): VerdictReply {
  const [choice] = objectsOf(completion["choices"]);
  const message = choice?.["message"];
  if (choice === undefined || !isJsonObject(message)) {
    return invalid("there was no message.", "");
  }
  const { content, refusal } = message;
  const finish = choice["finish_reason"];
  const isRefused = typeof refusal === "string" && refusal !== "";
  if (isRefused || finish === "content_filter") return { kind: "refused" };
  const text = typeof content === "string" ? content : "";
  if (finish === "length") {
    return { ...invalid("it was cut off before its end. Be briefer.", text), isCut: true };
  }
  return text.trim() === "" ? invalid("it was empty.", "") : readContent(text, evaluator);
}

function readContent(content: string, evaluator: Evaluator): VerdictReply {
  const { text, at } = unwrapped(content);
  if (!evaluator.parameters.reason && !text.startsWith("{")) {
    return bareWord(text, at, evaluator, content);
  }
  const json = readJsonObject(text, depthMax);
  if ("problem" in json) return invalid("it was not one JSON object and nothing else.", content);
  // A name that is written twice is read differently by whoever reads it.
  if (json.text !== text) return invalid("a field was there twice.", content);
  const names = evaluator.parameters.reason ? ["reason", "label"] : ["label"];
  const isExact = names.every((name) => Object.hasOwn(json.value, name));
  if (!isExact || json.fields.length !== names.length) {
    return invalid(`its fields were not exactly ${names.join(" and ")}.`, content);
  }
  const { reason = "", label: said } = json.value;
  if (typeof reason !== "string") return invalid("reason was not a string.", content);
  const label = labelNamed(said, evaluator);
  if (label === undefined) return invalid("label was not one of those that you may say.", content);
  const kept = reason.slice(0, reasonCharactersMax).toWellFormed();
  return { kind: "verdict", label, reason: kept, labelAt: at + valueStart(json, said) };
}

/** Where the label's value begins in the JSON, behind its quotation mark if it has one. */
function valueStart({ text, fields }: JsonText, label: unknown): number {
  const start = fields.find(({ key }) => key === "label")?.start ?? 0;
  const valueAt = start + text.slice(start).search(/\S/);
  return typeof label === "string" ? valueAt + 1 : valueAt;
}

const invalid = (why: string, said: string): NoVerdict => ({
  kind: "invalid",
  why,
  said,
  isCut: false,
});

/** Without white space and a code fence around all of it; and how much was before it. */
function unwrapped(content: string): { readonly text: string; readonly at: number } {
  const trimmed = trimmedAt(content, 0);
  const { text, at } = trimmed;
  const firstLine = text.slice(0, text.indexOf("\n") + 1);
  const isFenced = /^```(?:json)?[^\S\n]*\n$/i.test(firstLine) && text.endsWith("\n```");
  if (!isFenced) return trimmed;
  return trimmedAt(text.slice(firstLine.length, -fence.length), at + firstLine.length);
}

const fence = "```";

const trimmedAt = (text: string, at: number): { readonly text: string; readonly at: number } => ({
  text: text.trim(),
  at: at + text.length - text.trimStart().length,
});

function bareWord(text: string, at: number, { labels }: Evaluator, content: string): VerdictReply {
  const word = text.replace(/\.$/, "").toLowerCase();
  const [label, ...others] = labels.filter((each) => each.label.toLowerCase() === word);
  if (label === undefined || others.length > 0) {
    return invalid("it was not exactly one of the words that you may say.", content);
  }
  return { kind: "verdict", label, reason: "", labelAt: at };
}

function labelNamed(said: unknown, { labels }: Evaluator): EvaluatorLabel | undefined {
  const name = typeof said === "number" && Number.isSafeInteger(said) ? String(said) : said;
  return labels.find(({ label }) => label === name);
}
