import type { Failure } from "../../../errors.ts";
import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { decodeExtras, isOurSignature, mergeExtras } from "../carried-extras.ts";
import { asContent, stringOf, toParts, typeOf } from "./content-parts.ts";
import type { PlacedBlock } from "./content-parts.ts";
import { writeArguments } from "../tool-input.ts";
import { anthropicOnly, fault } from "./translation.ts";
import type { Translation } from "./translation.ts";

/**
 * A turn of the model as one message, with what was carried in its `thinking` blocks put back. Undefined where
 * nothing is left of it, as of thoughts that only their maker can read: an empty message is refused.
 */
export function toAssistantMessage(
  blocks: readonly PlacedBlock[],
  translation: Translation,
): JsonObject | undefined {
  const carried = new RestoredExtras(translation.model);
  const parts: JsonObject[] = [];
  const calls: JsonObject[] = [];
  for (const placed of blocks) {
    switch (placed.block["type"]) {
      case "text":
      case "compaction":
        parts.push(...toParts(placed, translation));
        break;
      case "tool_use":
        calls.push(toolCall(placed, translation));
        break;
      case "thinking":
        carried.take(placed.block);
        break;
      case "redacted_thinking": // Only its maker can read it.
      case "fallback": // Says which model answered.
      case "tool_search_tool_result": // All tools are given at once (`tools.ts`).
        break;
      case "server_tool_use":
        if (!isToolSearch(placed.block)) throw notInTurn(placed);
        break;
      default:
        throw notInTurn(placed);
    }
  }
  // Texts that follow one another were one: Anthropic cuts them where a citation begins.
  const completed = calls.map((call) => carried.completed(call));
  return assistantMessage(asContent(parts, ""), completed, carried.extras(translation));
}

function assistantMessage(
  content: unknown,
  calls: readonly JsonObject[],
  extras: JsonObject,
): JsonObject | undefined {
  const isSilent = content === "";
  if (isSilent && calls.length === 0 && Object.keys(extras).length === 0) return undefined;
  return {
    role: "assistant",
    content: isSilent && calls.length > 0 ? null : content,
    ...extras,
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

function isToolSearch({ name }: JsonObject): boolean {
  return typeof name === "string" && name.startsWith("tool_search_tool_");
}

function notInTurn({ block, place }: PlacedBlock): Failure {
  return anthropicOnly(`${place}.type`, `a block of type ${typeOf(block)} in a turn of the model`);
}

function toolCall({ block, place }: PlacedBlock, translation: Translation): JsonObject {
  const { traits, dropped, toolNames } = translation;
  const { input, cache_control: cacheControl } = block;
  if (!isJsonObject(input)) throw fault(`${place}.input`, "must be an object.");
  const name = toolNames.toChat(stringOf(block, "name", place));
  if (cacheControl != null && !traits.takesCacheControl) dropped.add("cache_control");
  return {
    id: stringOf(block, "id", place),
    type: "function",
    function: { name, arguments: writeArguments(input) },
    ...(cacheControl != null && traits.takesCacheControl && { cache_control: cacheControl }),
  };
}

/** What the `thinking` blocks of one turn carried. Those of others are of no use here. */
class RestoredExtras {
  readonly #model: string;
  readonly #calls = new Map<string, JsonObject>();
  #message: JsonObject = {};
  #reasoning = "";

  constructor(model: string) {
    this.#model = model;
  }

  take({ signature, thinking }: JsonObject): void {
    if (!isOurSignature(signature)) return;
    if (typeof thinking === "string") this.#reasoning += thinking;
    const extras = decodeExtras(signature);
    if (extras?.model !== this.#model) return;
    this.#message = mergeExtras(this.#message, extras.message);
    for (const [id, fields] of extras.calls) this.#calls.set(id, fields);
  }

  /** What belongs on the message beside its content and its calls. */
  extras({ traits }: Translation): JsonObject {
    const isGivenBack = traits.takesReasoning && this.#reasoning !== "";
    return { ...(isGivenBack && { reasoning_content: this.#reasoning }), ...this.#message };
  }

  completed(call: JsonObject): JsonObject {
    const extras = this.#calls.get(String(call["id"]));
    return extras === undefined ? call : { ...call, ...extras };
  }
}
