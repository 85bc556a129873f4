import { setImmediate as turnOfTheLoop } from "node:timers/promises";

import type { JsonObject } from "../../lib/json-text.ts";
import { loadTokenizers, tokenCounter } from "../../lib/tokenizers.ts";
import { promptTextsOf } from "../prompt-texts.ts";

/**
 * About how many tokens a chat's prompt has, counted with the tokenizer of OpenAI's models; another vendor's
 * may differ by a fifth and more. Throws the signal's reason if it is aborted meanwhile.
 */
export async function estimateTokens(chat: JsonObject, signal: AbortSignal): Promise<number> {
  const { texts, otherTokens } = promptTextsOf(chat);
  return otherTokens + (await tokensOf(texts, signal));
}

/**
 * Text is counted in pieces with a turn of the event loop after each. Of what is longer than the sample only
 * every so many pieces are counted.
 */
const pieceCharacters = 2_000;
const samplePiecesMax = 128;

async function tokensOf(texts: readonly string[], signal: AbortSignal): Promise<number> {
  const pieces = texts.flatMap(inPieces);
  if (pieces.length === 0) return 0;
  await loadTokenizers();
  const count = tokenCounter("o200k");
  if (count === undefined) throw new Error("The tokenizer is not there although it was loaded.");
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
