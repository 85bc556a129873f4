import { setImmediate as turnOfTheLoop } from "node:timers/promises";

import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";

/**
 * An image, as one of the largest that Anthropic takes unscaled: rather too many than too few.
 * (https://docs.claude.com/en/docs/build-with-claude/vision#calculate-image-costs, read 2026-11-21)
 */
const imageTokens = 1_600;
/** A page of a PDF, text and picture. (https://docs.claude.com/en/docs/build-with-claude/pdf-support, read 2026-11-21) */
const pageTokens = 3_000;
/** How much base64 makes a page, since the pages cannot be counted from outside. */
const pageCharacters = 100_000;
/**
 * What frames a message, and what begins the answer.
 * (https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken, read 2026-11-21)
 */
const messageTokens = 3;
const answerTokens = 3;

/**
 * About how many tokens a chat's prompt has, counted with the tokenizer of OpenAI's models; another vendor's
 * may differ by a fifth and more. Throws the signal's reason if it is aborted meanwhile.
 */
export async function estimateTokens(chat: JsonObject, signal: AbortSignal): Promise<number> {
  const prompt: Prompt = { texts: [], otherTokens: answerTokens };
  const messages = Array.isArray(chat["messages"]) ? (chat["messages"] as unknown[]) : [];
  for (const message of messages) if (isJsonObject(message)) addMessage(message, prompt);
  if (Array.isArray(chat["tools"])) prompt.texts.push(JSON.stringify(chat["tools"]));
  if (chat["response_format"] !== undefined) {
    prompt.texts.push(JSON.stringify(chat["response_format"]));
  }
  return prompt.otherTokens + (await tokensOf(prompt.texts, signal));
}

interface Prompt {
  readonly texts: string[];
  otherTokens: number;
}

function addMessage(message: JsonObject, prompt: Prompt): void {
  prompt.otherTokens += messageTokens;
  const { content, tool_calls: calls } = message;
  if (typeof content === "string") prompt.texts.push(content);
  else if (Array.isArray(content)) for (const part of content) addPart(part, prompt);
  for (const call of Array.isArray(calls) ? (calls as unknown[]) : []) {
    if (isJsonObject(call)) prompt.texts.push(JSON.stringify(call["function"]));
  }
}

function addPart(part: unknown, prompt: Prompt): void {
  if (!isJsonObject(part)) return;
  const { type, text, file } = part;
  if (typeof text === "string") prompt.texts.push(text);
  else if (type === "image_url") prompt.otherTokens += imageTokens;
  else if (type === "file" && isJsonObject(file)) {
    const pages = Math.ceil(String(file["file_data"]).length / pageCharacters);
    prompt.otherTokens += pages * pageTokens;
  }
}

/**
 * Text is counted in pieces with a turn of the event loop after each: some take 15 ms (a word without end,
 * whose cost grows with the square of its length). Of what is longer than the sample only every so many
 * pieces are counted.
 */
const pieceCharacters = 2_000;
const samplePiecesMax = 128;

async function tokensOf(texts: readonly string[], signal: AbortSignal): Promise<number> {
  const pieces = texts.flatMap(inPieces);
  if (pieces.length === 0) return 0;
  const count = await loadTokenizer();
  const step = Math.max(1, pieces.length / samplePiecesMax);
  let tokens = 0;
  let characters = 0;
  for (let at = 0; at < pieces.length; at += step) {
    const piece = pieces[Math.floor(at)] ?? "";
    tokens += count(piece);
    characters += piece.length;
    await turnOfTheLoop();
    signal.throwIfAborted();
  }
  const allCharacters = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return Math.ceil((tokens * allCharacters) / Math.max(1, characters));
}

/** Cut where a word ends, so that none is counted as two. A space is looked for in the piece alone. */
function inPieces(text: string): string[] {
  const pieces: string[] = [];
  for (let start = 0; start < text.length;) {
    const longest = text.slice(start, start + pieceCharacters);
    const space = longest.lastIndexOf(" ");
    const isLast = start + pieceCharacters >= text.length;
    const piece = isLast || space <= 0 ? longest : longest.slice(0, space);
    pieces.push(piece);
    start += piece.length;
  }
  return pieces;
}

type CountText = (text: string) => number;
let tokenizer: Promise<CountText> | undefined;

/** The vocabulary is 2 MB of source and takes 0.2 s to load: only who counts pays for it. */
function loadTokenizer(): Promise<CountText> {
  tokenizer ??= import("gpt-tokenizer/encoding/o200k_base").then(({ countTokens }) => {
    const plainText = { disallowedSpecial: new Set<string>() }; // A marker in a text is text.
    return (text: string) => countTokens(text, plainText);
  });
  return tokenizer;
}
