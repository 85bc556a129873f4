import { cutText } from "../../../lib/cut-text.ts";
import { isJsonObject, objectsOf } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import type { Endpoint } from "../../../protocol/endpoints.ts";
import type { JudgedAnswer } from "../evaluators/evaluator.ts";

/** Endpoints whose answers somebody wrote. */
export type JudgedEndpoint = "chat" | "messages" | "responses" | "completions";

export const isJudgedEndpoint = (endpoint: Endpoint): endpoint is JudgedEndpoint =>
  endpoint === "chat" ||
  endpoint === "messages" ||
  endpoint === "responses" ||
  endpoint === "completions";

export type Asked = Pick<JudgedAnswer, "system" | "conversation" | "question">;

/** Of each part so much is kept, its beginning and its end: UTF-16 units. */
export const judgedCharactersMax = 32_768;
/** Of a conversation so many turns are read, the newest. */
const turnsMax = 100;
/** Of a longer list of messages its beginning, where instructions stand, and its end are looked at: nobody is to wait for it. */
const messagesMax = { first: 100, last: 900 } as const;

/** What was asked, taken apart for a judge: nothing but text, and of images and files only that there were some. */
export function askedText(endpoint: JudgedEndpoint, request: JsonObject): Asked {
  const turns = turnsOf(endpoint, request);
  const isInstruction = ({ role }: Turn): boolean => role === "system" || role === "developer";
  const rest = turns.filter((turn) => !isInstruction(turn));
  const lastAt = rest.findLastIndex(({ role }) => role === "user");
  const system = [instructionsOf(endpoint, request), ...turns.filter(isInstruction).map(said)];
  // Tool results after the question are what the answer is from.
  const others = rest.filter((_, index) => index !== lastAt).slice(-turnsMax);
  return {
    system: bounded(system.filter((text) => text !== "").join("\n\n")),
    conversation: bounded(others.map(({ role, text }) => `${role}: ${bounded(text)}`).join("\n\n")),
    question: bounded(rest[lastAt]?.text ?? ""),
  };
}

/** Whether more than one answer was asked for: in a stream their words come mixed. */
export const wantsSeveral = ({ n, prompt }: JsonObject): boolean =>
  (typeof n === "number" && n > 1) ||
  (Array.isArray(prompt) && prompt.length > 1 && typeof prompt[0] !== "number");

export const bounded = (text: string): string => cutText(text, judgedCharactersMax).text;

interface Turn {
  readonly role: string;
  readonly text: string;
}

const said = ({ text }: Turn): string => text;

function instructionsOf(endpoint: JudgedEndpoint, request: JsonObject): string {
  if (endpoint === "messages") return contentText(request["system"]);
  return endpoint === "responses" ? contentText(request["instructions"]) : "";
}

function turnsOf(endpoint: JudgedEndpoint, request: JsonObject): readonly Turn[] {
  switch (endpoint) {
    case "chat":
    case "messages":
      return endsOf(request["messages"]).flatMap(messageTurns);
    case "responses": {
      const { input } = request;
      if (typeof input === "string") return [{ role: "user", text: input }];
      return endsOf(input).flatMap(itemTurns);
    }
    case "completions":
      return [{ role: "user", text: contentText(request["prompt"]) }];
  }
}

function endsOf(list: unknown): readonly JsonObject[] {
  const { first, last } = messagesMax;
  const all = objectsOf(list);
  return all.length <= first + last ? all : [...all.slice(0, first), ...all.slice(-last)];
}

/** A message of a chat, or of Anthropic's, whose tool results are blocks of a user's message. */
function messageTurns(message: JsonObject): readonly Turn[] {
  const { role, content } = message;
  const name = typeof role === "string" ? role : "user";
  const results = objectsOf(content)
    .filter(({ type }) => type === "tool_result")
    .map((block) => ({ role: "tool", text: contentText(block["content"]) }));
  const calls = [...objectsOf(message["tool_calls"]), ...objectsOf(content)].flatMap(callText);
  const text = [contentText(content), ...calls].filter((part) => part !== "").join("\n");
  return [...results, ...(text === "" ? [] : [{ role: name, text }])];
}

/** An item of /v1/responses: a message, a call, or what came of one. */
function itemTurns(item: JsonObject): readonly Turn[] {
  const { type = "message", role } = item;
  if (type === "function_call") return callText(item).map((text) => ({ role: "assistant", text }));
  if (type === "function_call_output") return [{ role: "tool", text: contentText(item["output"]) }];
  if (type !== "message") return [];
  return [{ role: typeof role === "string" ? role : "user", text: contentText(item["content"]) }];
}

/** A chat's call has it in `function`, Anthropic's and Responses' in itself. */
function callText(call: JsonObject): readonly string[] {
  const made = isJsonObject(call["function"]) ? call["function"] : call;
  const { name, arguments: given = made["input"] } = made;
  if (typeof name !== "string") return [];
  const text = typeof given === "string" ? given : given === undefined ? "" : JSON.stringify(given);
  return [`[calls ${name}(${text})]`];
}

/** A text, or the texts of a list of parts; what is no text is named. */
function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .flatMap((part: unknown) => (typeof part === "string" ? [part] : partText(part)))
    .join("\n");
}

const hiddenParts: ReadonlySet<unknown> = new Set([
  "thinking",
  "redacted_thinking",
  "tool_use",
  "tool_result",
]);

function partText(part: unknown): readonly string[] {
  if (!isJsonObject(part) || hiddenParts.has(part["type"])) return [];
  const { type, text, refusal } = part;
  if (typeof text === "string") return [text];
  if (typeof refusal === "string") return [refusal];
  return typeof type === "string" ? [`[${type.slice(0, 40)}]`] : [];
}
