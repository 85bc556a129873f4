import type { JsonObject } from "../../../src/lib/json-text.ts";
import type { SeenRequest } from "../../support/scripted-upstream.ts";
import { objectOf, objectsOf, textOf } from "../json.ts";
import { checkMessages, thoughtsIn } from "./anthropic-rules.ts";
import { plainText } from "./openai-wire.ts";
import { piecesOf, turnsOf } from "./vendor.ts";
import type { Answer, SeenAsk, SeenPart, Thought, Vendor, VendorError } from "./vendor.ts";

/** The thoughts that were given out: only these may come back. */
const issued = new Set<string>();

const stopReason = ({ finish, stoppedAt }: Answer): string => {
  if (stoppedAt !== undefined) return "stop_sequence";
  const reasons = { stop: "end_turn", length: "max_tokens", tools: "tool_use", refused: "refusal" };
  return reasons[finish];
};

const stopDetails = ({ finish }: Answer): object | null =>
  finish === "refused" ? { type: "refusal", category: "cyber", explanation: null } : null;

/** What was cached is counted apart from the rest of the input. */
const usageOf = ({ usage }: Answer): object => ({
  input_tokens: usage.input - usage.cached - usage.written,
  cache_creation_input_tokens: usage.written,
  cache_read_input_tokens: usage.cached,
  cache_creation: { ephemeral_5m_input_tokens: usage.written, ephemeral_1h_input_tokens: 0 },
  output_tokens: usage.output,
  output_tokens_details: { thinking_tokens: usage.thoughts },
  service_tier: "standard",
});

function blocksOf({ thought, text, toolCalls = [] }: Answer): JsonObject[] {
  const thoughts = thought === undefined ? [] : thoughtBlocks(thought);
  issued.add(thoughtsIn(thoughts));
  return [
    ...thoughts,
    ...(text === undefined ? [] : [{ type: "text", text, citations: null }]),
    ...toolCalls.map(({ name, arguments: input }, index) => ({
      type: "tool_use",
      id: `toolu_01T1x1fJ34qAmk2tNTrN7Up${index}`,
      name,
      input,
      caller: { type: "direct" },
    })),
  ];
}

function thoughtBlocks({ text, signature, redacted }: Thought): JsonObject[] {
  const thinking = { type: "thinking", thinking: text, signature };
  return redacted === undefined
    ? [thinking]
    : [thinking, { type: "redacted_thinking", data: redacted }];
}

const message = (answer: Answer, ask: SeenAsk): JsonObject => ({
  id: "msg_01XFDUDYJgAACzvnptvVoYEL",
  type: "message",
  role: "assistant",
  model: ask.model,
  content: blocksOf(answer),
  stop_reason: stopReason(answer),
  stop_sequence: answer.stoppedAt ?? null,
  stop_details: stopDetails(answer),
  container: null,
  usage: usageOf(answer),
});

const event = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

function eventsOf(answer: Answer, ask: SeenAsk): readonly string[] {
  const usage = objectOf(usageOf(answer));
  const whole = message(answer, ask);
  const start = { ...whole, content: [], stop_reason: null, stop_sequence: null };
  // Output is not known yet; Anthropic sends a small number.
  const begun = { ...start, stop_details: null, usage: { ...usage, output_tokens: 1 } };
  const { cache_creation: _creation, service_tier: _tier, ...final } = usage;
  return [
    event("message_start", { message: begun }),
    ...blocksOf(answer).flatMap((block, index) => [
      event("content_block_start", { index, content_block: emptied(block) }),
      ...(index === 0 ? [event("ping", {})] : []),
      ...deltasOf(block).map((delta) => event("content_block_delta", { index, delta })),
      event("content_block_stop", { index }),
    ]),
    event("message_delta", {
      delta: {
        stop_reason: stopReason(answer),
        stop_sequence: answer.stoppedAt ?? null,
        stop_details: stopDetails(answer),
      },
      usage: final,
    }),
    event("message_stop", {}),
  ];
}

function emptied(block: JsonObject): object {
  switch (block["type"]) {
    case "thinking":
      return { type: "thinking", thinking: "", signature: "" };
    case "text":
      return { type: "text", text: "" };
    case "redacted_thinking":
      return block;
    default:
      return { ...block, input: {} };
  }
}

function deltasOf(block: JsonObject): object[] {
  switch (block["type"]) {
    case "thinking": {
      const pieces = piecesOf(textOf(block["thinking"]));
      return [
        ...pieces.map((thinking) => ({ type: "thinking_delta", thinking })),
        { type: "signature_delta", signature: block["signature"] },
      ];
    }
    case "text":
      return piecesOf(textOf(block["text"])).map((text) => ({ type: "text_delta", text }));
    case "redacted_thinking":
      return []; // It comes whole with its start.
    default: {
      const pieces = piecesOf(JSON.stringify(block["input"]));
      return ["", ...pieces].map((json) => ({ type: "input_json_delta", partial_json: json }));
    }
  }
}

function read(request: SeenRequest): SeenAsk {
  const body = objectOf(request.json);
  const messages = objectsOf(body["messages"]);
  const thinking = objectOf(body["thinking"])["type"];
  const maxTokens = body["max_tokens"];
  return {
    model: textOf(body["model"]),
    isStream: body["stream"] === true,
    wantsUsage: true,
    system: plainText(body["system"]),
    turns: readTurns(messages),
    tools: objectsOf(body["tools"]).map((tool) => ({
      name: textOf(tool["name"]),
      description: textOf(tool["description"]),
      parameters: tool["input_schema"],
    })),
    toolChoice: readToolChoice(objectOf(body["tool_choice"])),
    oneToolAtATime: objectOf(body["tool_choice"])["disable_parallel_tool_use"] === true,
    schema: objectOf(objectOf(body["output_config"])["format"])["schema"],
    temperature: body["temperature"] as number | undefined,
    stop: (body["stop_sequences"] ?? []) as string[],
    maxTokens: typeof maxTokens === "number" ? maxTokens : undefined,
    thinks: thinking === "enabled" || thinking === "adaptive",
    caches: JSON.stringify(body).includes(`"cache_control":{"type":"ephemeral"`),
  };
}

function readToolChoice({ type, name }: JsonObject): SeenAsk["toolChoice"] {
  if (type === "tool") return { name: textOf(name) };
  if (type === "none") return "none";
  return type === "any" ? "required" : "auto";
}

function readTurns(messages: readonly JsonObject[]): SeenAsk["turns"] {
  const all = messages.flatMap(({ content }) => objectsOf(content));
  const calls = all.filter(({ type }) => type === "tool_use");
  const names = new Map(calls.map((block) => [block["id"], textOf(block["name"])]));
  return turnsOf(
    messages.flatMap((message) => {
      const role = message["role"] === "assistant" ? ("model" as const) : ("user" as const);
      const { content } = message;
      if (typeof content === "string") {
        return [{ role, part: { kind: "text", text: content } as const }];
      }
      return objectsOf(content).map((block) => ({ role, part: partOf(block, names) }));
    }),
  );
}

function partOf(block: JsonObject, names: ReadonlyMap<unknown, string>): SeenPart {
  switch (block["type"]) {
    case "tool_use":
      return { kind: "call", name: textOf(block["name"]), arguments: block["input"] };
    case "tool_result": {
      const name = names.get(block["tool_use_id"]) ?? "(a call that was never made)";
      return { kind: "result", name, text: plainText(block["content"]) };
    }
    case "redacted_thinking":
      return { kind: "thought", text: "", signature: textOf(block["data"]) };
    case "thinking": {
      const { thinking, signature } = block;
      return { kind: "thought", text: textOf(thinking), signature: textOf(signature) };
    }
    case "image": {
      const source = objectOf(block["source"]);
      if (source["type"] === "url") return { kind: "image", url: textOf(source["url"]) };
      const { media_type: mediaType, data } = source;
      return { kind: "image", mediaType: textOf(mediaType), base64: textOf(data) };
    }
    default:
      return { kind: "text", text: textOf(block["text"]) };
  }
}

/** (https://platform.claude.com/docs/en/api/errors, read 2026-11-21) */
const errorOf = ({ status, message }: VendorError): object => ({
  type: "error",
  error: { type: errorTypes[status] ?? "api_error", message },
  request_id: "req_011CSHoEeqs5C35K2UUqR7Fy",
});

const errorTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  404: "not_found_error",
  429: "rate_limit_error",
  529: "overloaded_error",
};

export const anthropic: Vendor = {
  name: "anthropic",
  basePath: "/v1",
  usualModel: "claude-sonnet-4-5",
  thinkingModels: [
    { model: "claude-sonnet-4-5", thinks: "with-budget" },
    { model: "claude-opus-5", thinks: "as-it-likes" },
  ],
  showsThoughts: true,
  marksRefusals: true,
  countsCached: true,
  countsWritten: true,
  fetchesImages: true,
  blocked: (ask) => {
    const usage = { input: 11, cached: 0, written: 0, output: 1, thoughts: 0 };
    const answer = { finish: "refused", usage } as const;
    return { whole: message(answer, ask), events: eventsOf(answer, ask) };
  },
  check: (request) => {
    checkMessages(request, issued);
  },
  read,
  whole: message,
  events: eventsOf,
  errorBody: errorOf,
  errorEvent: (error) => `event: error\ndata: ${JSON.stringify(errorOf(error))}\n\n`,
};
