import { hash } from "node:crypto";

/**
 * OpenAI takes names of up to 64 characters, Anthropic of up to 128, and those of MCP tools use them.
 * (https://platform.openai.com/docs/api-reference/chat/create, https://docs.claude.com/en/api/messages, read 2026-11-21)
 */
const nameLengthMax = 64;
const digestLength = 8;

/** The names of one request's tools, shortened where they must be, and back. */
export class ToolNames {
  readonly #originals = new Map<string, string>();

  /** The same short name for the same long one, in every request. */
  toChat(name: string): string {
    if (name.length <= nameLengthMax) return name;
    const digest = hash("sha256", name, "hex").slice(0, digestLength);
    const short = `${name.slice(0, nameLengthMax - digestLength - 1)}_${digest}`;
    this.#originals.set(short, name);
    return short;
  }

  fromChat(name: string): string {
    return this.#originals.get(name) ?? name;
  }
}
