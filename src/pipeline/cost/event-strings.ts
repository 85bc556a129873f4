import type { Endpoint } from "../../protocol/endpoints.ts";
import type { SseEvent } from "../../protocol/sse.ts";

/** Where a string's text stands in an event, between its quotes, and how many characters it has when it is read. */
export type FoundString = (data: string, start: number, end: number, characters: number) => void;

/**
 * Finds what a stream's event delivers, without parsing it. Each endpoint has one name under which it stands; in
 * JSON a quote within a text is always preceded by a backslash, so a name in quotes with a colon after it is a name.
 */
export function eventStrings(endpoint: Endpoint): (event: SseEvent, found: FoundString) => void {
  switch (endpoint) {
    case "chat":
      return chatStrings(chatWants);
    case "completions":
      return inCompletion;
    case "responses":
      return inResponse;
    case "messages":
      return messageStrings(messageWants, blockWants);
    case "embeddings":
    case "moderations":
    case "count_tokens":
      return () => undefined; // Never streamed.
  }
}

/** The same without what the model thought: what a reader gets, and the calls that it makes. */
export function spokenStrings(endpoint: Endpoint): (event: SseEvent, found: FoundString) => void {
  switch (endpoint) {
    case "chat":
      return chatStrings(spokenInChat);
    case "messages":
      return messageStrings(spokenInMessage, spokenInBlock);
    case "responses":
      return (event, found) => {
        if (!isThought(event)) inResponse(event, found);
      };
    default:
      return eventStrings(endpoint);
  }
}

const isThought = ({ name, data = "" }: SseEvent): boolean =>
  name.startsWith("response.reasoning") || (name === "" && data.includes('"response.reasoning'));

/** A chunk has a `delta` for each choice. */
const chatStrings =
  (wants: Wants) =>
  ({ data }: SseEvent, found: FoundString): void => {
    if (data === undefined) return;
    let at = valueOf(data, 'delta"', 0);
    while (at !== -1) at = valueOf(data, 'delta"', walk(data, at, wants, found));
  };

function inCompletion({ data }: SseEvent, found: FoundString): void {
  if (data === undefined) return;
  const at = valueOf(data, 'choices"', 0);
  if (at !== -1) walk(data, at, completionWants, found);
}

/**
 * `content_block_delta` has it in its `delta`. Tools are named where their block starts, and only that start has
 * anything in it.
 */
const messageStrings =
  (inDelta: Wants, inStart: Wants) =>
  ({ name, data }: SseEvent, found: FoundString): void => {
    if (data === undefined) return;
    const isStart = name === "content_block_start";
    const at = valueOf(data, isStart ? 'content_block"' : 'delta"', 0);
    if (at !== -1) walk(data, at, isStart ? inStart : inDelta, found);
  };

/** The events whose type ends in `.delta` have it in their `delta`; all others say again what these have said. */
function inResponse({ name, data }: SseEvent, found: FoundString): void {
  if (data === undefined) return;
  if (name === "response.output_item.added") {
    const at = valueOf(data, 'item"', 0);
    if (at !== -1) walk(data, at, itemWants, found);
    return;
  }
  const isDelta = name === "" ? data.includes('.delta"') : name.endsWith(".delta");
  if (!isDelta || isSound(name, data)) return;
  const at = valueOf(data, 'delta"', 0);
  if (data.charCodeAt(at) === quote) endOfString(data, at + 1, found);
}

const isSound = (name: string, data: string): boolean =>
  name.endsWith("audio.delta") || (name === "" && data.includes('audio.delta"'));

/**
 * Says what a name in the object stands for. `depth` is that of the name, 1 for the object itself or, where the
 * walk began at a list, for the list; `branch` is the name at depth 1 that it stands below.
 */
type Wants = (data: string, key: Key, depth: number, branch: Key) => boolean;

interface Key {
  start: number;
  length: number;
}

const is = (data: string, { start, length }: Key, name: string): boolean =>
  length === name.length && data.startsWith(name, start);

/** Some vendors write the same thoughts twice, under `reasoning_content` and `reasoning`: the first is taken. */
const chatWants: Wants = (data, key, depth, branch) => {
  if (depth === 1) {
    switch (key.length) {
      case 7:
        return is(data, key, "content") || is(data, key, "refusal");
      case 9:
        return is(data, key, "reasoning") && !hasText(data, 'reasoning_content"');
      case 17:
        return is(data, key, "reasoning_content");
      default:
        return false;
    }
  }
  const isCall = is(data, branch, "tool_calls") || is(data, branch, "function_call");
  return isCall && (is(data, key, "arguments") || is(data, key, "name") || is(data, key, "input"));
};

const spokenInChat: Wants = (data, key, depth, branch) =>
  chatWants(data, key, depth, branch) && !(depth === 1 && key.length !== 7);

/** Whether a text that is not empty stands under this name anywhere in the event. */
function hasText(data: string, nameAndQuote: string): boolean {
  let at = valueOf(data, nameAndQuote, 0);
  for (; at !== -1; at = valueOf(data, nameAndQuote, at)) {
    if (data.charCodeAt(at) === quote && data.charCodeAt(at + 1) !== quote) return true;
  }
  return false;
}

const completionWants: Wants = (data, key, depth) => depth === 2 && is(data, key, "text");

const messageWants: Wants = (data, key, depth) =>
  depth === 1 &&
  (is(data, key, "text") || is(data, key, "thinking") || is(data, key, "partial_json"));

const blockWants: Wants = (data, key, depth) =>
  depth === 1 && (is(data, key, "text") || is(data, key, "thinking") || is(data, key, "name"));

const spokenInMessage: Wants = (data, key, depth, branch) =>
  messageWants(data, key, depth, branch) && !is(data, key, "thinking");

const spokenInBlock: Wants = (data, key, depth, branch) =>
  blockWants(data, key, depth, branch) && !is(data, key, "thinking");

const itemWants: Wants = (data, key, depth) => depth === 1 && is(data, key, "name");

const quote = 34;
const colon = 58;
const backslash = 92;
const letterU = 117;

/**
 * Where the first value of this name begins, from `from` on; -1 where there is none. The name comes with the quote
 * after it alone: to look for a letter first takes a third of the time, as there are more quotes.
 */
function valueOf(data: string, nameAndQuote: string, from: number): number {
  for (let at = data.indexOf(nameAndQuote, from); at !== -1;) {
    const after = afterSpace(data, at + nameAndQuote.length);
    if (data.charCodeAt(after) === colon && data.charCodeAt(at - 1) === quote) {
      return afterSpace(data, after + 1);
    }
    at = data.indexOf(nameAndQuote, after);
  }
  return -1;
}

function afterSpace(data: string, from: number): number {
  let at = from;
  for (let code = data.charCodeAt(at); code === 32 || (code >= 9 && code <= 13);) {
    code = data.charCodeAt(++at);
  }
  return at;
}

/** Used by one walk at a time: nothing here waits. */
const key: Key = { start: 0, length: 0 };
const branch: Key = { start: 0, length: 0 };

/** Walks the object or list that begins at `from`, tells the strings that are wanted, and returns where it ends. */
function walk(data: string, from: number, wants: Wants, found: FoundString): number {
  let depth = 0;
  for (let at = from; at < data.length; at++) {
    switch (data.charCodeAt(at)) {
      case 123: // {
      case 91: // [
        depth++;
        break;
      case 125: // }
      case 93: // ]
        if (--depth <= 0) return at + 1;
        break;
      case quote: {
        if (depth === 0) return at; // A text, where an object was looked for.
        const end = endOfString(data, at + 1, undefined);
        const after = afterSpace(data, end + 1);
        if (data.charCodeAt(after) !== colon) {
          at = end;
          break;
        }
        key.start = at + 1;
        key.length = end - at - 1;
        if (depth === 1) {
          branch.start = key.start;
          branch.length = key.length;
        }
        at = afterSpace(data, after + 1);
        if (data.charCodeAt(at) !== quote)
          at--; // What begins here is looked at next.
        else at = endOfString(data, at + 1, wants(data, key, depth, branch) ? found : undefined);
        break;
      }
    }
  }
  return data.length;
}

/**
 * Where the string ends whose text begins here; the end of the data where it never does. Tells it as it goes, if
 * somebody wants it.
 */
function endOfString(data: string, start: number, found: FoundString | undefined): number {
  let escapes = 0;
  let at = start;
  for (; at < data.length; at++) {
    const code = data.charCodeAt(at);
    if (code === quote) break;
    if (code !== backslash) continue;
    if (data.charCodeAt(++at) === letterU) {
      at += 4;
      escapes += 5;
    } else escapes++;
  }
  const end = Math.min(at, data.length);
  if (found !== undefined && end > start && at < data.length) {
    found(data, start, end, end - start - escapes);
  }
  return end;
}
