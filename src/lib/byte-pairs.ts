import { setImmediate as turnOfTheLoop } from "node:timers/promises";

/**
 * Counts tokens as OpenAI's models do: the text is cut into words, and of each word's bytes the pairs that the
 * vocabulary ranks first are joined until there is none left. Written here because the libraries that do it hold
 * up everything for 100 to 350 ms while they load, and keep 70 to 110 MB; these tables are 4 MB.
 */
export interface Vocabulary {
  /** The bytes of all tokens, one after the other by rank. */
  readonly bytes: Uint8Array;
  /** Where the token of each rank begins in `bytes`, and at the end its length. */
  readonly offsets: Uint32Array;
  /** Hash table: rank + 1 at the first free slot from the hash of the token's bytes on; 0 where there is none. */
  readonly slots: Int32Array;
}

/** So many tokens are read in one turn of the event loop: about 2 ms. */
const tokensPerTurn = 10_000;

/**
 * Reads the ranks as `tiktoken` keeps them: lines of a name, the rank of the first token, and the tokens in base64.
 * Others get their turn meanwhile.
 */
export async function readVocabulary(text: string): Promise<Vocabulary> {
  // A token takes four characters and a space at least, and three bytes for four characters at most.
  const tokensMax = Math.ceil(text.length / 5) + 1;
  const offsets = new Uint32Array(tokensMax + 1);
  const bytes = new Uint8Array(text.length);
  let rank = 0;
  let end = 0;
  for (const line of text.split("\n")) {
    const [name = "", first = ""] = line.split(" ", 2);
    if (first === "") continue;
    if (Number(first) !== rank) throw new Error(`The vocabulary has no token of rank ${rank}.`);
    for (let at = name.length + first.length + 2; at < line.length;) {
      const space = line.indexOf(" ", at);
      const stop = space === -1 ? line.length : space;
      end += decodeBase64(line, at, stop, bytes, end);
      offsets[++rank] = end;
      at = stop + 1;
      if (rank % tokensPerTurn === 0) await turnOfTheLoop();
    }
  }
  const vocabulary: Vocabulary = {
    bytes: bytes.slice(0, end),
    offsets: offsets.slice(0, rank + 1),
    slots: new Int32Array(2 ** Math.ceil(Math.log2(rank * 2 + 1))),
  };
  for (let each = 0; each < rank; each++) {
    insert(each, vocabulary);
    if (each % tokensPerTurn === 0) await turnOfTheLoop();
  }
  return vocabulary;
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const digitValues = new Uint8Array(128);
for (let value = 0; value < base64Digits.length; value++) {
  digitValues[base64Digits.charCodeAt(value)] = value;
}
const padding = 61;

/** Returns how many bytes it wrote. 300,000 small texts would be 20 MB of garbage if each were cut out for `Buffer`. */
function decodeBase64(
  text: string,
  from: number,
  to: number,
  target: Uint8Array,
  start: number,
): number {
  let bits = 0;
  let bitsCount = 0;
  let length = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at);
    if (digit === padding) break;
    bits = ((bits << 6) | (digitValues[digit] ?? 0)) & 0xffff;
    bitsCount += 6;
    if (bitsCount < 8) continue;
    bitsCount -= 8;
    target[start + length++] = bits >>> bitsCount;
  }
  return length;
}

function insert(rank: number, { bytes, offsets, slots }: Vocabulary): void {
  const mask = slots.length - 1;
  let slot = hashOf(bytes, offsets[rank] ?? 0, offsets[rank + 1] ?? 0) & mask;
  while (slots[slot] !== 0) slot = (slot + 1) & mask;
  slots[slot] = rank + 1;
}

/**
 * How many tokens a text has. `words` is global and cuts the whole of it. A word of more than `wordBytesMax` is
 * cut: joining pairs takes the square of a word's length, and what is lost at a cut is less than a token.
 */
export function countTokens(text: string, words: RegExp, vocabulary: Vocabulary): number {
  const bytes = Buffer.from(text);
  const isAscii = bytes.length === text.length;
  let tokens = 0;
  let start = 0;
  let startByte = 0;
  words.lastIndex = 0;
  while (words.test(text)) {
    const end = words.lastIndex;
    const endByte = isAscii ? end : startByte + utf8Length(text, start, end);
    for (let from = startByte; from < endByte; from += wordBytesMax) {
      tokens += countWord(bytes, from, Math.min(endByte, from + wordBytesMax), vocabulary);
    }
    start = end;
    startByte = endByte;
  }
  return tokens;
}

const wordBytesMax = 256;

/** Used by one count at a time: nothing here waits. */
const starts = new Uint32Array(wordBytesMax + 2);
const ranks = new Int32Array(wordBytesMax + 2);
const noRank = 0x7fffffff;

function countWord(bytes: Uint8Array, from: number, to: number, vocabulary: Vocabulary): number {
  if (rankOf(bytes, from, to, vocabulary) !== noRank) return 1;
  let parts = to - from;
  for (let at = 0; at <= parts; at++) starts[at] = from + at;
  for (let at = 0; at < parts; at++) ranks[at] = rankOfPair(bytes, at, parts, vocabulary);
  for (let best = firstRanked(parts); best !== -1; best = firstRanked(parts)) {
    parts--;
    for (let at = best + 1; at <= parts; at++) {
      starts[at] = starts[at + 1] ?? 0;
      ranks[at] = ranks[at + 1] ?? noRank;
    }
    ranks[best] = rankOfPair(bytes, best, parts, vocabulary);
    if (best > 0) ranks[best - 1] = rankOfPair(bytes, best - 1, parts, vocabulary);
  }
  return parts;
}

/** Where the pair is that is to be joined next; -1 where there is none. */
function firstRanked(parts: number): number {
  let best = -1;
  let bestRank = noRank;
  for (let at = 0; at < parts - 1; at++) {
    const rank = ranks[at] ?? noRank;
    if (rank < bestRank) {
      bestRank = rank;
      best = at;
    }
  }
  return best;
}

/** Of the part at this place and the one after it. */
function rankOfPair(bytes: Uint8Array, at: number, parts: number, vocabulary: Vocabulary): number {
  if (at + 2 > parts) return noRank;
  return rankOf(bytes, starts[at] ?? 0, starts[at + 2] ?? 0, vocabulary);
}

function rankOf(
  bytes: Uint8Array,
  from: number,
  to: number,
  { bytes: all, offsets, slots }: Vocabulary,
): number {
  const mask = slots.length - 1;
  for (let slot = hashOf(bytes, from, to) & mask; ; slot = (slot + 1) & mask) {
    const rank = (slots[slot] ?? 0) - 1;
    if (rank === -1) return noRank;
    const start = offsets[rank] ?? 0;
    if ((offsets[rank + 1] ?? 0) - start !== to - from) continue;
    let same = 0;
    while (from + same < to && all[start + same] === bytes[from + same]) same++;
    if (from + same === to) return rank;
  }
}

/** FNV-1a. (http://www.isthe.com/chongo/tech/comp/fnv/, public domain) */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash ^ (hash >>> 15);
}

/** As `Buffer.from` writes it: a surrogate without its other half becomes three bytes. */
function utf8Length(text: string, from: number, to: number): number {
  let length = 0;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x80) length += 1;
    else if (code < 0x800) length += 2;
    else if (isPair(code, text, at)) {
      length += 4;
      at++;
    } else length += 3;
  }
  return length;
}

function isPair(code: number, text: string, at: number): boolean {
  if (code < 0xd800 || code > 0xdbff) return false;
  const next = text.charCodeAt(at + 1);
  return next >= 0xdc00 && next <= 0xdfff;
}
