import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { subjectCharactersMax } from "../../pipeline/judge/calibration/anchor.ts";
import type { Subject } from "../../pipeline/judge/calibration/anchor.ts";
import { ItemProblem } from "./item-problem.ts";
import type { FileKind, LabelledItem } from "./labelled-item.ts";
import { humanOpinion, opinionOf, recordedOpinions } from "./read-opinion.ts";

/** A line's item; that it is blank; or what is wrong with it, as the end of a sentence that begins with the line. */
export type ItemLine =
  | { readonly kind: "blank" }
  | { readonly kind: "item"; readonly item: LabelledItem }
  | { readonly kind: "problem"; readonly problem: string };

/** Reads a line of a file with labels. What it is about is told by its fields; fields that it does not know it leaves. */
export function readItem(text: string): ItemLine {
  if (text.trim() === "") return { kind: "blank" };
  try {
    return { kind: "item", item: itemOf(parsed(text)) };
  } catch (error) {
    if (!(error instanceof ItemProblem)) throw error;
    return { kind: "problem", problem: error.message };
  }
}

function parsed(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ItemProblem("is no JSON");
  }
  if (!isJsonObject(value)) throw new ItemProblem("is no JSON object");
  return value;
}

function itemOf(line: JsonObject): LabelledItem {
  const kind = kindOf(line);
  const { id } = line;
  const human = humanOpinion(line, kind);
  return {
    kind,
    id: typeof id === "string" || typeof id === "number" ? String(id) : "",
    subject: subjectOf(line, kind),
    humanLabel: human.label,
    humanScore: human.score,
    recorded: recordedOpinions(line, (value, name) =>
      opinionOf(value, name, kind, human.label === null ? "score" : "label"),
    ),
  };
}

const answerNames = ["answer", "response", "output"] as const;

function kindOf(line: JsonObject): FileKind {
  if ("output_1" in line || "output_2" in line) return "pair";
  if ("answer_1" in line || "answer_2" in line) return "equivalence";
  if (answerNames.some((name) => name in line)) return "answer";
  throw new ItemProblem(
    'has nothing to judge: it must have "output_1" and "output_2", "answer_1" and "answer_2", or "answer"',
  );
}

function subjectOf(line: JsonObject, kind: FileKind): Subject {
  const reference = optional(line, ["reference"]);
  const given = reference === undefined ? {} : { reference };
  const question = textOf(line, ["question", "instruction", "objective", "input"]);
  if (kind === "answer") {
    return {
      kind,
      system: optional(line, ["system"]) ?? "",
      conversation: optional(line, ["context", "conversation"]) ?? "",
      question,
      answer: textOf(line, answerNames),
      ...given,
    };
  }
  const [first, second] =
    kind === "pair" ? (["output_1", "output_2"] as const) : (["answer_1", "answer_2"] as const);
  return {
    kind: "pair",
    question,
    first: textOf(line, [first]),
    second: textOf(line, [second]),
    ...given,
  };
}

/** The first of these fields that there is. */
function optional(line: JsonObject, names: readonly string[]): string | undefined {
  const name = names.find((each) => line[each] !== undefined && line[each] !== null);
  if (name === undefined) return undefined;
  const value = line[name];
  if (typeof value !== "string") throw new ItemProblem(`has a "${name}" that is no text`);
  if (value.length > subjectCharactersMax) {
    throw new ItemProblem(`has a "${name}" of more than ${subjectCharactersMax} characters`);
  }
  return value;
}

function textOf(line: JsonObject, names: readonly string[]): string {
  const text = optional(line, names);
  if (text !== undefined) return text;
  throw new ItemProblem(`has no ${names.map((name) => `"${name}"`).join(" or ")}`);
}
