import { hash } from "node:crypto";

import { isJsonObject } from "../lib/json-text.ts";
import type { JsonObject, JsonText } from "../lib/json-text.ts";
import type { Endpoint } from "../protocol/endpoints.ts";

export interface ConversationOf {
  readonly tenantId: string;
  readonly endpoint: Endpoint;
  /** As the client names it. */
  readonly model: string;
  readonly request: JsonText;
}

/**
 * What ties the requests of one conversation together, so that they go where the provider's prompt cache has
 * its beginning. Worked out only when somebody asks: most routes have one target with one key.
 */
export class Conversation {
  readonly #of: ConversationOf;
  #hash: string | undefined;
  #standing: Standing | undefined;

  constructor(of: ConversationOf) {
    this.#of = of;
  }

  /** Hexadecimal; the same from turn to turn, and another for every tenant and model. */
  get hash(): string {
    this.#hash ??= hash("sha256", signature(this.#of));
    return this.#hash;
  }

  /** Whether a cache may hold its beginning, so that it should go where it went before. */
  get isSticky(): boolean {
    return this.#judged === "under-way";
  }

  /**
   * A first turn too short for any cache: it may go anywhere, and its next turn should follow. Many of them
   * can be the same, which is why they are not placed by their hash.
   */
  get isOpening(): boolean {
    return this.#judged === "opening";
  }

  get #judged(): Standing {
    this.#standing ??= standingOf(this.#of);
    return this.#standing;
  }
}

/** What clients write where the cache should end: to Claude, and to OpenAI's models since GPT-5.6. */
const cacheMarks: readonly string[] = ["cache_control", "prompt_cache_breakpoint"];

type Standing = "none" | "opening" | "under-way";

/**
 * Providers cache prompts from 1,024 tokens on, some of Claude's models from 2,048 or 4,096: about so many
 * characters. (https://developers.openai.com/api/docs/guides/prompt-caching,
 * https://platform.claude.com/docs/en/build-with-claude/prompt-caching, read 2026-11-21)
 */
const cacheableChars = 4_096;

function standingOf({ endpoint, request: { text, value } }: ConversationOf): Standing {
  const isShort = text.length < cacheableChars;
  switch (endpoint) {
    case "embeddings":
    case "moderations":
    case "count_tokens":
      return "none";
    case "completions":
      // A prompt is no conversation; what can be told is that it begins like another one.
      return isShort && ownKey(value) === undefined ? "none" : "under-way";
    case "responses":
      if (continuesUnseen(value)) return "none";
      break;
    case "chat":
    case "messages":
  }
  if (!isShort || ownKey(value) !== undefined || hasAnswer(value)) return "under-way";
  return cacheMarks.some((mark) => text.includes(`"${mark}"`)) ? "under-way" : "opening";
}

/** Of a conversation that the provider keeps nothing is known but its last turn. */
function continuesUnseen(request: JsonObject): boolean {
  return typeof request["previous_response_id"] === "string" && ownKey(request) === undefined;
}

/** The client's own name for what belongs together. */
function ownKey(request: JsonObject): string | undefined {
  const key = request["prompt_cache_key"];
  if (typeof key === "string" && key !== "") return `key:${key}`;
  const conversation = request["conversation"]; // Of /v1/responses: an id, or an object that has one.
  const id = isJsonObject(conversation) ? conversation["id"] : conversation;
  return typeof id === "string" && id !== "" ? `conversation:${id}` : undefined;
}

/** The messages, or the items of /v1/responses, where a text alone stands for a user's message. */
function turnsOf(request: JsonObject): readonly unknown[] {
  const turns = request["messages"] ?? request["input"];
  if (typeof turns === "string") return [{ role: "user", content: turns }];
  return Array.isArray(turns) ? turns : [];
}

/** Whether something in it came from a model. */
function hasAnswer(request: JsonObject): boolean {
  return turnsOf(request).some(isAnswer);
}

const isAnswer = (turn: unknown): boolean =>
  isJsonObject(turn) && (turn["role"] === "assistant" || isAnswerItem(turn["type"]));

/** What /v1/responses gives beside messages, and takes back: tool calls, their results, reasoning. */
function isAnswerItem(type: unknown): boolean {
  return typeof type === "string" && (type === "reasoning" || /_call(?:_output)?$/.test(type));
}

function signature({ tenantId, endpoint, model, request: { value } }: ConversationOf): string {
  const pieces = [tenantId, model];
  const key = ownKey(value);
  const beginning =
    key ?? (endpoint === "completions" ? promptStart(value["prompt"]) : beginningOf(value));
  collect(beginning, pieces);
  return pieces.join("\n");
}

/** Tools, what stands before the first user's message, and that message: the same from turn to turn. */
function beginningOf(request: JsonObject): readonly unknown[] {
  const turns = turnsOf(request);
  const firstUser = turns.findIndex((turn) => isJsonObject(turn) && turn["role"] === "user");
  const firstAnswer = turns.findIndex(isAnswer);
  const end = firstUser === -1 ? firstAnswer : firstUser + 1;
  return [
    request["tools"] ?? request["functions"],
    contentOf(request["system"] ?? request["instructions"]),
    request["prompt"],
    ...turns.slice(0, end === -1 ? turns.length : end).map(turnText),
  ];
}

function turnText(turn: unknown): unknown {
  return isJsonObject(turn) ? [turn["role"], contentOf(turn["content"])] : turn;
}

/** The same for a text and for the one part that holds it: clients write either, and change between turns. */
function contentOf(content: unknown): unknown {
  if (!Array.isArray(content)) return [content];
  return content
    .filter((part) => !isNonce(part))
    .map((part: unknown) =>
      isJsonObject(part) && typeof part["text"] === "string" ? part["text"] : part,
    );
}

/**
 * Claude Code puts a line about itself before its system prompt, and that is another one in every request.
 * (https://github.com/anthropics/claude-code/issues/68900, read 2026-11-21)
 */
const noncePrefix = "x-anthropic-billing-header:";

function isNonce(block: unknown): boolean {
  const text = isJsonObject(block) ? block["text"] : block;
  return typeof text === "string" && text.startsWith(noncePrefix);
}

/** As much of a prompt as fills the smallest cache entry, in characters or in tokens. */
function promptStart(prompt: unknown): unknown {
  const first: unknown =
    Array.isArray(prompt) && typeof prompt[0] !== "number" ? prompt[0] : prompt;
  if (typeof first === "string") return first.slice(0, cacheableChars);
  return Array.isArray(first) ? first.slice(0, cacheableTokens) : first;
}

const cacheableTokens = 1_024;

/** Of a longer text only so much is hashed, and its length: an image or a book is told by its beginning. */
const hashedCharsMax = 65_536;

/**
 * A value's text for the hash, piece by piece, each with its length so that no two values share one. Where
 * the cache's marks are is left out: clients move them on from turn to turn.
 */
function collect(value: unknown, pieces: string[]): void {
  if (typeof value === "string") {
    pieces.push(`s${value.length}`, value.slice(0, hashedCharsMax));
  } else if (Array.isArray(value)) {
    pieces.push(`a${value.length}`);
    for (const element of value) collect(element, pieces);
  } else if (isJsonObject(value)) {
    pieces.push("o");
    for (const name in value) {
      if (cacheMarks.includes(name)) continue;
      pieces.push(`n${name.length}`, name);
      collect(value[name], pieces);
    }
    pieces.push("e");
  } else {
    pieces.push(String(value));
  }
}
