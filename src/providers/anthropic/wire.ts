import { Failure } from "../../errors.ts";
import { parseExactly } from "../../lib/exact-json.ts";

import type { JsonObject } from "../../lib/json-text.ts";

/**
 * What the files of this folder share about Anthropic's Messages API.
 * (https://platform.claude.com/docs/en/api/messages, read 2026-11-21)
 */

/**
 * What a translated chat is written in, and what a native request is sent with if its client names none. The
 * version after it, 2026-10-21, refuses `temperature`, `top_p` and `top_k` for every model, and OpenAI's
 * clients send them. (https://platform.claude.com/docs/en/api/versioning, read 2026-11-21)
 */
export const apiVersion = "2023-06-01";

/** One block of a message's content, or one text of the system prompt: `type` says which. */
export type Block = JsonObject;

export interface Turn {
  readonly role: "user" | "assistant";
  readonly content: readonly Block[];
}

/** The names of the client's fields that did not go to Anthropic. */
export type Dropped = Set<string>;

/** A field that cannot be translated: a mistake, or more than Claude can do and another target may. */
export function invalid(param: string, message: string): Failure {
  return new Failure("invalid_value", `'${param}' ${message}`, { param, recovery: "fallback" });
}

export function textOr(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

/** The prompt-caching mark that stands on a part of the client's request, ready to be spread into a block. */
export function cacheMark(part: JsonObject): JsonObject {
  const mark = part["cache_control"];
  return mark == null ? {} : { cache_control: mark };
}

export function isThinkingBlock(block: Block): boolean {
  return block["type"] === "thinking" || block["type"] === "redacted_thinking";
}

/** A block's `input` that came in pieces; nothing where `max_tokens` cut it off, for half of it is no value. */
export function inputField(json: string): JsonObject {
  try {
    return { input: parseExactly(json) };
  } catch {
    return {}; // What is said about it is the stop reason.
  }
}
