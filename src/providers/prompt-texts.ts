import { isJsonObject } from "../lib/json-text.ts";
import type { JsonObject, JsonText } from "../lib/json-text.ts";

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
 * How much base64 of speech makes a token: 64 kbit/s are 10.7 tokens a second, as OpenAI counts speech; what is
 * not compressed comes to more. Gemini counts 32. (https://ai.google.dev/gemini-api/docs/audio, read 2026-11-21)
 */
const audioCharactersPerToken = 1_000;
/**
 * What frames a message, its role included, and what begins the answer.
 * (https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken, read 2026-11-21)
 */
const messageTokens = 4;
const nameTokens = 1;
const answerTokens = 3;

/** Beyond so many parts the rest is left out, and `isWhole` says so. */
const partsMax = 20_000;

/** What a model reads of a request. */
export interface PromptTexts {
  readonly texts: readonly string[];
  /** Of what is no text: frames of messages, images, documents, speech, and tokens sent as numbers. */
  readonly otherTokens: number;
  readonly isWhole: boolean;
}

/**
 * Gathers what a model reads of a request to any of the endpoints. Base64 is never text. Tools and schemas are read
 * as JSON, as it was sent.
 */
export function promptTextsIn({ text, value, fields }: JsonText): PromptTexts {
  return gather(value, (name) => {
    const field = fields.find(({ key }) => key === name);
    return field === undefined ? "" : text.slice(field.start, field.end);
  });
}

/** The same for a request that was made here and has no text yet. */
export function promptTextsOf(request: JsonObject): PromptTexts {
  return gather(request, (name) => JSON.stringify(request[name]));
}

/** Each may hold tools or schemas: the last two of /v1/chat/completions and of /v1/responses. */
const jsonFields = ["tools", "functions", "response_format", "text"] as const;

function gather(request: JsonObject, jsonOf: (name: string) => string): PromptTexts {
  const gathering: Gathering = { texts: [], otherTokens: 0, partsLeft: partsMax };
  addContent(request["instructions"], gathering);
  addContent(request["system"], gathering);
  addInput(request["prompt"], gathering);
  addInput(request["input"], gathering);
  addInput(request["messages"], gathering);
  for (const name of jsonFields) {
    if (typeof request[name] === "object" && request[name] !== null) {
      gathering.texts.push(jsonOf(name));
    }
  }
  const { texts, otherTokens, partsLeft } = gathering;
  const framed = otherTokens + (Array.isArray(request["messages"]) ? answerTokens : 0);
  return { texts, otherTokens: framed, isWhole: partsLeft > 0 };
}

/** About how many tokens a file has that comes as base64. */
function documentTokens(base64Length: number): number {
  return Math.max(1, Math.ceil(base64Length / pageCharacters)) * pageTokens;
}

function audioTokens(base64Length: number): number {
  return Math.ceil(base64Length / audioCharactersPerToken);
}

interface Gathering {
  readonly texts: string[];
  otherTokens: number;
  partsLeft: number;
}

/** Messages, items of /v1/responses, and what completions and embeddings take: texts, tokens, or lists of either. */
function addInput(input: unknown, gathering: Gathering): void {
  if (!Array.isArray(input)) {
    addContent(input, gathering);
    return;
  }
  if (typeof input[0] === "number") {
    gathering.otherTokens += input.length;
    return;
  }
  for (const item of input as unknown[]) {
    if (gathering.partsLeft-- <= 0) return;
    if (Array.isArray(item)) gathering.otherTokens += item.length;
    else if (isJsonObject(item) && "role" in item) addMessage(item, gathering);
    else addContent(item, gathering);
  }
}

function addMessage(message: JsonObject, gathering: Gathering): void {
  gathering.otherTokens += messageTokens;
  if (typeof message["name"] === "string") gathering.otherTokens += nameTokens;
  addText(message["name"], gathering);
  addContent(message["content"], gathering);
  addText(message["reasoning_content"] ?? message["reasoning"], gathering);
  const { tool_calls: calls } = message;
  for (const call of Array.isArray(calls) ? (calls as unknown[]) : []) {
    if (isJsonObject(call)) addJson(call["function"] ?? call["custom"], gathering);
  }
}

function addContent(content: unknown, gathering: Gathering): void {
  if (typeof content === "string") gathering.texts.push(content);
  else if (Array.isArray(content)) {
    for (const part of content as unknown[]) {
      if (gathering.partsLeft-- <= 0) return;
      if (typeof part === "string") gathering.texts.push(part);
      else if (isJsonObject(part)) addPart(part, gathering);
    }
  } else if (isJsonObject(content)) addPart(content, gathering);
}

function addPart(part: JsonObject, gathering: Gathering): void {
  switch (part["type"]) {
    case "image_url":
    case "input_image":
    case "image":
      gathering.otherTokens += imageTokens;
      return;
    case "input_audio":
      gathering.otherTokens += audioTokens(base64Length(part["input_audio"], "data"));
      return;
    case "file":
      gathering.otherTokens += documentTokens(base64Length(part["file"], "file_data"));
      return;
    case "input_file":
      gathering.otherTokens += documentTokens(base64Length(part, "file_data"));
      return;
    case "document":
      addDocument(part["source"], gathering);
      return;
    case "tool_use":
    case "server_tool_use":
      addText(part["name"], gathering);
      addJson(part["input"], gathering);
      return;
    default:
      addTexts(part, gathering);
  }
}

/** What parts and items of either vendor have their text in. Signatures and encrypted thoughts are none. */
const textFields = ["text", "refusal", "thinking", "name", "arguments", "input"] as const;
const contentFields = ["content", "output", "summary"] as const;

function addTexts(part: JsonObject, gathering: Gathering): void {
  for (const name of textFields) addText(part[name], gathering);
  for (const name of contentFields) addContent(part[name], gathering);
}

function addDocument(source: unknown, gathering: Gathering): void {
  if (!isJsonObject(source)) return;
  if (source["type"] === "text") addText(source["data"], gathering);
  else if (source["type"] === "content") addContent(source["content"], gathering);
  else gathering.otherTokens += documentTokens(base64Length(source, "data"));
}

function addText(text: unknown, gathering: Gathering): void {
  if (typeof text === "string") gathering.texts.push(text);
}

function addJson(value: unknown, gathering: Gathering): void {
  if (value !== undefined) gathering.texts.push(JSON.stringify(value));
}

function base64Length(holder: unknown, name: string): number {
  const data = isJsonObject(holder) ? holder[name] : undefined;
  return typeof data === "string" ? data.length : 0;
}
