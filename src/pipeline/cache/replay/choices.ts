import { isJsonObject, objectsOf } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { mergeDelta, noFields } from "./merge-delta.ts";
import type { Fields } from "./merge-delta.ts";

/**
 * Answers of chats and completions, put together of their chunks and taken apart into them. Unknown fields stay, at
 * every level. (https://platform.openai.com/docs/api-reference/chat-streaming/streaming, read 2026-11-21)
 */
export type ChoiceEndpoint = "chat" | "completions";

/** What makes sense in a chunk alone: padding against eavesdroppers. */
const ofChunksAlone: ReadonlySet<string> = new Set(["choices", "usage", "object", "obfuscation"]);

/** The whole answer; undefined where there is none. Its usage is the last that a chunk had. */
export function foldChunks(
  endpoint: ChoiceEndpoint,
  chunks: readonly JsonObject[],
): JsonObject | undefined {
  const head = noFields();
  const choices = new Map<number, Fields>();
  let usage: unknown;
  for (const chunk of chunks) {
    addHead(head, chunk);
    usage = chunk["usage"] ?? usage;
    for (const choice of objectsOf(chunk["choices"])) addChoice(endpoint, choices, choice);
  }
  if (choices.size === 0) return undefined;
  const sorted = [...choices].sort(([left], [right]) => left - right);
  const finished = sorted.map(([index, choice]) => finishChoice(endpoint, index, choice));
  return {
    id: head["id"],
    object: endpoint === "chat" ? "chat.completion" : "text_completion",
    ...head,
    choices: finished,
    ...(usage !== undefined && usage !== null && { usage }),
  };
}

/** Azure's first chunk has no name yet: what is empty is filled in. */
function addHead(head: Fields, chunk: JsonObject): void {
  for (const [name, value] of Object.entries(chunk)) {
    if (ofChunksAlone.has(name)) continue;
    const old = head[name];
    if (old === undefined || old === null || old === "" || old === 0) head[name] = value;
  }
}

function addChoice(
  endpoint: ChoiceEndpoint,
  choices: Map<number, Fields>,
  { index: given, delta, text, logprobs, ...rest }: JsonObject,
): void {
  const index = typeof given === "number" ? given : 0;
  const choice = choices.get(index) ?? noFields();
  choices.set(index, choice);
  if (endpoint === "completions") mergeDelta(choice, { text: text ?? "" });
  else mergeDelta(choice, { message: isJsonObject(delta) ? delta : {} });
  if (logprobs !== undefined) mergeDelta(choice, { logprobs });
  for (const [name, value] of Object.entries(rest)) {
    if (value !== null || choice[name] === undefined) choice[name] = value;
  }
}

function finishChoice(endpoint: ChoiceEndpoint, index: number, choice: Fields): JsonObject {
  if (endpoint === "completions") return { index, ...choice };
  const message = isJsonObject(choice["message"]) ? choice["message"] : {};
  const calls = message["tool_calls"];
  return {
    index,
    ...choice,
    message: {
      role: "assistant",
      content: null,
      ...message,
      ...(Array.isArray(calls) && { tool_calls: objectsOf(calls).map(withoutIndex) }),
    },
  };
}

const withoutIndex = ({ index: _, ...call }: JsonObject): JsonObject => call;

/** Two chunks for each choice: one with all that it says, and one that ends it. Without the usage. */
export function chunksOf(endpoint: ChoiceEndpoint, answer: JsonObject): readonly JsonObject[] {
  const head = chunkHead(endpoint, answer);
  return objectsOf(answer["choices"]).flatMap((choice, place) => {
    const { index = place, message, text, logprobs = null, finish_reason, ...rest } = choice;
    const isChat = endpoint === "chat";
    const said = isChat ? { delta: deltaOf(message) } : { text: text ?? "" };
    const nothing = isChat ? { delta: {} } : { text: "" };
    return [
      { ...head, choices: [{ index, ...said, logprobs, finish_reason: null }] },
      {
        ...head,
        choices: [
          { index, ...nothing, logprobs: null, finish_reason: finish_reason ?? null, ...rest },
        ],
      },
    ];
  });
}

/** The chunk after the last, for who asked for usage. `like` is the whole answer, or one of its chunks. */
export function usageChunk(endpoint: ChoiceEndpoint, like: JsonObject, usage: unknown): JsonObject {
  return { ...chunkHead(endpoint, like), choices: [], usage };
}

function chunkHead(endpoint: ChoiceEndpoint, like: JsonObject): JsonObject {
  const { choices: _choices, usage: _usage, obfuscation: _padding, ...head } = like;
  return endpoint === "chat" ? { ...head, object: "chat.completion.chunk" } : head;
}

function deltaOf(message: unknown): JsonObject {
  if (!isJsonObject(message)) return {};
  const calls = message["tool_calls"];
  if (!Array.isArray(calls)) return message;
  return { ...message, tool_calls: objectsOf(calls).map((call, index) => ({ index, ...call })) };
}
