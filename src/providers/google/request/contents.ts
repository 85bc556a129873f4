import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { functionCallParts, KnownCalls, toolResultParts } from "./function-calls.ts";
import { mediaPart } from "./media-parts.ts";
import type { ModelTraits } from "../model-generation.ts";
import { fault } from "./request-fault.ts";
import { readSignature, signed } from "../thought-signatures.ts";
import type { ToolNames } from "../tool-names.ts";
import type { Content, Part } from "../wire.ts";

export interface WrittenMessages {
  readonly contents: readonly Content[];
  readonly systemInstruction?: { readonly parts: readonly Part[] };
}

export interface ContentOptions {
  readonly traits: ModelTraits;
  readonly names: ToolNames;
}

/** OpenAI's messages as Gemini's contents. Throws `invalid_value`, which names the message at fault. */
export function conversationOf(
  messages: readonly unknown[],
  options: ContentOptions,
): WrittenMessages {
  const system: Part[] = [];
  const contents: Content[] = [];
  const calls = new KnownCalls(options.names);
  messages.forEach((message, index) => {
    const param = `messages[${index}]`;
    if (!isJsonObject(message)) throw fault(param, `'${param}' must be an object.`);
    switch (message["role"]) {
      case "system":
      case "developer":
        system.push(...partsOf(message["content"], `${param}.content`));
        break;
      case "user":
        append(contents, "user", userParts(message, param));
        break;
      case "assistant":
        append(contents, "model", modelParts(message, param, calls, options));
        break;
      case "tool":
        append(contents, "user", toolResultParts(message, param, calls, options.traits));
        break;
      default:
        throw fault(
          `${param}.role`,
          `'${param}.role' must be system, developer, user, assistant or tool.`,
        );
    }
  });
  return withSystem(system, contents, options.traits);
}

/** Gemma has no system instruction, and a conversation of nothing else must still say something. */
function withSystem(
  system: readonly Part[],
  contents: Content[],
  traits: ModelTraits,
): WrittenMessages {
  if (system.length === 0) return { contents };
  if (!traits.isGemma && contents.length > 0)
    return { contents, systemInstruction: { parts: system } };
  const [first, ...rest] = contents;
  if (first?.role !== "user") return { contents: [{ role: "user", parts: system }, ...contents] };
  return { contents: [{ role: "user", parts: [...system, ...first.parts] }, ...rest] };
}

/** Roles must take turns, so what one side says in several messages goes into one content. */
function append(contents: Content[], role: Content["role"], parts: readonly Part[]): void {
  if (parts.length === 0) return;
  const last = contents.at(-1);
  if (last?.role !== role) contents.push({ role, parts });
  else contents[contents.length - 1] = { role, parts: [...last.parts, ...parts] };
}

function userParts(message: JsonObject, param: string): Part[] {
  const parts = partsOf(message["content"], `${param}.content`);
  return parts.length === 0 ? [{ text: "" }] : parts;
}

function modelParts(
  message: JsonObject,
  param: string,
  calls: KnownCalls,
  options: ContentOptions,
): Part[] {
  const said = partsOf(message["content"], `${param}.content`);
  const refusal = message["refusal"];
  if (said.length === 0 && typeof refusal === "string" && refusal !== "")
    said.push({ text: refusal });
  said.push(...imagesOf(message, param));
  const signature = readSignature(message);
  if (signature !== undefined) sign(said, signature);
  return [...said, ...functionCallParts(message, param, calls, options.traits)];
}

/** A message's own signature belongs to the last of what it says, or to an empty text where it says nothing. */
function sign(parts: Part[], thoughtSignature: string): void {
  const last = parts.pop() ?? { text: "" };
  parts.push("text" in last ? { ...last, thoughtSignature } : last);
}

/** Images that the model made, as `answer-reader.ts` hands them out. */
function imagesOf(message: JsonObject, param: string): Part[] {
  const { images } = message;
  if (!Array.isArray(images)) return [];
  return images.filter(isJsonObject).flatMap((image, index) => {
    const part = mediaPart(image, `${param}.images[${index}]`);
    return part === undefined ? [] : [signed(part, readSignature(image))];
  });
}

/** The parts of a message's content; Gemini refuses empty ones. */
export function partsOf(content: unknown, param: string): Part[] {
  if (typeof content === "string") return content === "" ? [] : [{ text: content }];
  if (!Array.isArray(content)) return [];
  return content.flatMap((part: unknown, index) => {
    const made = partOf(part, `${param}[${index}]`);
    return "text" in made && made.text === "" ? [] : [made];
  });
}

function partOf(part: unknown, param: string): Part {
  if (!isJsonObject(part)) throw fault(param, `'${param}' must be an object.`);
  if (part["type"] === "text" || part["type"] === "refusal") {
    const text = part[part["type"]];
    if (typeof text !== "string") throw fault(param, `'${param}' must have a text.`);
    return { text };
  }
  const media = mediaPart(part, param);
  if (media !== undefined) return media;
  throw fault(
    `${param}.type`,
    `Gemini has no content of type '${String(part["type"]).slice(0, 50)}'.`,
  );
}
