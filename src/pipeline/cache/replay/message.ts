import { isJsonObject, objectsOf } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { blockEvents } from "../../../protocol/message-blocks.ts";
import { mergeDelta, noFields } from "./merge-delta.ts";
import type { Fields } from "./merge-delta.ts";

/**
 * Messages of Anthropic's API, put together of their events and taken apart into them.
 * (https://docs.claude.com/en/docs/build-with-claude/streaming, read 2026-11-21)
 */

/** The whole message; undefined where the events are not those of one that came to its end. */
export function foldMessage(events: readonly JsonObject[]): JsonObject | undefined {
  let message: JsonObject | undefined;
  let isStopped = false;
  const blocks: OpenBlock[] = [];
  for (const event of events) {
    switch (event["type"]) {
      case "message_start":
        if (isJsonObject(event["message"])) message = event["message"];
        break;
      case "content_block_start":
        blocks.push(openBlock(event));
        break;
      case "content_block_delta":
        continueBlock(blocks, event);
        break;
      case "message_delta":
        message = withEnding(message ?? {}, event);
        break;
      case "message_stop":
        isStopped = true;
        break;
      default: // Nothing that a whole message has.
    }
  }
  if (message === undefined || !isStopped) return undefined;
  const content = blocks.map(closedBlock);
  if (content.includes(undefined)) return undefined;
  return { ...message, content };
}

interface OpenBlock {
  readonly index: unknown;
  readonly fields: Fields;
  /** The input of a tool, as far as it has come. */
  json: string;
}

function openBlock({ index, content_block: block }: JsonObject): OpenBlock {
  const fields = noFields();
  if (isJsonObject(block)) mergeDelta(fields, block);
  return { index, fields, json: "" };
}

function continueBlock(blocks: readonly OpenBlock[], { index, delta }: JsonObject): void {
  const block = blocks.findLast((candidate) => candidate.index === index);
  if (block === undefined || !isJsonObject(delta)) return;
  const { type, partial_json: json, citation, ...rest } = delta;
  if (type === "input_json_delta") block.json += typeof json === "string" ? json : "";
  else if (type === "citations_delta") mergeDelta(block.fields, { citations: [citation] });
  else mergeDelta(block.fields, rest);
}

/** Undefined where a tool's input is no JSON. */
function closedBlock({ fields, json }: OpenBlock): JsonObject | undefined {
  if (json === "") return fields;
  try {
    return { ...fields, input: JSON.parse(json) };
  } catch {
    return undefined;
  }
}

/** Counts are told from the beginning each time: what the later ones leave out or have as null still stands. */
function withEnding(message: JsonObject, { delta, usage, ...rest }: JsonObject): JsonObject {
  const { type: _, ...fields } = rest;
  const before = isJsonObject(message["usage"]) ? message["usage"] : {};
  const counted = Object.entries(isJsonObject(usage) ? usage : {}).filter(([, n]) => n !== null);
  return {
    ...message,
    ...(isJsonObject(delta) ? delta : {}),
    ...fields,
    usage: { ...before, ...Object.fromEntries(counted) },
  };
}

/** Fields of a message that are known when it ends. */
const endingFields = ["stop_reason", "stop_sequence", "stop_details"];

/** The events of a message, each with its name as its type. */
export function messageEvents(message: JsonObject): readonly JsonObject[] {
  const { content, usage } = message;
  const ending = endingFields.filter((name) => message[name] !== undefined);
  const begun = Object.fromEntries(
    Object.entries(message).map(([name, value]) => [name, ending.includes(name) ? null : value]),
  );
  const counts = isJsonObject(usage) ? usage : {};
  const blocks = objectsOf(content);
  return [
    {
      type: "message_start",
      message: { ...begun, content: [], usage: { ...counts, output_tokens: 0 } },
    },
    ...blocks.flatMap(blockEvents),
    {
      type: "message_delta",
      delta: Object.fromEntries(ending.map((name) => [name, message[name]])),
      usage: counts,
    },
    { type: "message_stop" },
  ];
}
