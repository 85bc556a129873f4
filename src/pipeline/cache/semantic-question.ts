import { parseExactly } from "../../lib/exact-json.ts";
import { changeFields, isFilledList, isJsonObject } from "../../lib/json-text.ts";
import type { JsonText } from "../../lib/json-text.ts";
import type { CachedEndpoint } from "./cache-store.ts";

export type NoQuestionReason = (typeof noQuestionReasons)[number];
export const noQuestionReasons = [
  /** Its requests have no last user message. */
  "endpoint",
  "tools",
  /** Images and files: the prompt is more than its text. */
  "not_text",
  /** The conversation does not end with something a user wrote. */
  "no_question",
] as const;

export type SemanticVerdict =
  | { readonly kind: "bypass"; readonly reason: NoQuestionReason }
  | {
      readonly kind: "question";
      /** What the user wrote last. */
      readonly text: string;
      /** The request without it: requests of one scope differ in nothing else. */
      readonly scope: string;
    };

/**
 * What the semantic tier may look for in place of the request: the last user message, with all the rest as its scope.
 * Costs a second reading of the conversation; only where the tier is on.
 */
export function semanticQuestion(endpoint: CachedEndpoint, request: JsonText): SemanticVerdict {
  const field = conversationFields[endpoint];
  if (field === undefined) return bypass("endpoint");
  if (isFilledList(request.value["tools"]) || isFilledList(request.value["functions"]))
    return bypass("tools");
  const conversation = exactField(request, field);
  const turns = turnsOf(conversation);
  const reason = turns.map(whyNotTurn).find((found) => found !== undefined);
  if (reason !== undefined) return bypass(reason);
  const last = turns.at(-1);
  if (!isJsonObject(last) || last["role"] !== "user") return bypass("no_question");
  const text = textOf(last["content"]);
  if (text.trim() === "") return bypass("no_question");
  // How the text was cut into parts stays in the scope, and so does whether it was cut at all.
  const rest = [...turns.slice(0, -1), { ...last, content: withoutText(last["content"]) }];
  const without = typeof conversation === "string" ? null : rest;
  const change = new Map([[field, { value: JSON.stringify(without) }]]);
  return { kind: "question", text, scope: changeFields(request, change) };
}

const conversationFields: Readonly<Record<CachedEndpoint, string | undefined>> = {
  chat: "messages",
  messages: "messages",
  responses: "input",
  completions: undefined,
  embeddings: undefined,
};

function turnsOf(conversation: unknown): readonly unknown[] {
  if (typeof conversation === "string") return [{ role: "user", content: conversation }];
  return Array.isArray(conversation) ? conversation : [];
}

const bypass = (reason: NoQuestionReason): SemanticVerdict => ({ kind: "bypass", reason });

/** With all digits of its numbers: two scopes must not become one. */
function exactField({ fields, text }: JsonText, name: string): unknown {
  const field = fields.find(({ key }) => key === name);
  return field === undefined ? undefined : parseExactly(text.slice(field.start, field.end));
}

const textParts: ReadonlySet<unknown> = new Set([
  "text",
  "input_text",
  "output_text",
  "refusal",
  "thinking",
  "redacted_thinking",
]);
const toolParts: ReadonlySet<unknown> = new Set(["tool_use", "tool_result"]);

function whyNotTurn(turn: unknown): NoQuestionReason | undefined {
  if (!isJsonObject(turn)) return "no_question";
  const { role, type = "message", content } = turn;
  if (role === "tool" || role === "function" || isFilledList(turn["tool_calls"])) return "tools";
  if (type !== "message" && type !== "reasoning") return "tools";
  if (!Array.isArray(content)) return undefined;
  return content.map(whyNotPart).find((reason) => reason !== undefined);
}

function whyNotPart(part: unknown): NoQuestionReason | undefined {
  const kind = isJsonObject(part) ? part["type"] : undefined;
  if (toolParts.has(kind)) return "tools";
  return textParts.has(kind) ? undefined : "not_text";
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .map((part: unknown) => (isJsonObject(part) ? part["text"] : undefined))
    .filter((text) => typeof text === "string")
    .join("\n");
}

function withoutText(content: unknown): unknown {
  if (!Array.isArray(content)) return null;
  // What is no text is no part of the question, and so stays.
  return content.map((part: unknown) =>
    isJsonObject(part) && typeof part["text"] === "string" ? { ...part, text: null } : part,
  );
}
