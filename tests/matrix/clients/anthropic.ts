import Anthropic from "@anthropic-ai/sdk";
import type {
  ImageBlockParam,
  Message,
  MessageCreateParamsNonStreaming,
  MessageParam,
  RawMessageStreamEvent,
  TextBlockParam,
  Usage,
} from "@anthropic-ai/sdk/resources/messages";

import type { Ask, Client, Finish, Image, Reply, ReplyUsage, Turn } from "../ask.ts";
import { droppedParamsOf } from "../dropped-params.ts";
import { checkEvents } from "./anthropic-events.ts";

/** Anthropic's own client, unchanged, pointed at the gateway. It does not retry: a refusal is to be seen. */
export function anthropicClient(options: {
  /** Without `/v1`, as Anthropic's client has it. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly modelPrefix: string;
  readonly usualModel: string;
}): Client {
  const sdk = new Anthropic({ baseURL: options.baseUrl, apiKey: options.apiKey, maxRetries: 0 });
  return {
    name: "anthropic",
    ask: async (ask, mode, onText = () => undefined) => {
      const model = options.modelPrefix + (ask.model ?? options.usualModel);
      const body: MessageCreateParamsNonStreaming = { model, ...bodyOf(ask) };
      const requestOptions = ask.signal === undefined ? {} : { signal: ask.signal };
      if (mode === "whole") {
        const request = sdk.messages.create(body, requestOptions);
        const { data, response } = await request.withResponse();
        return replyOf(data, response, 1);
      }
      const stream = sdk.messages.stream(body, requestOptions);
      const events: RawMessageStreamEvent[] = [];
      stream.on("streamEvent", (event) => events.push(structuredClone(event)));
      stream.on("text", (_piece, text) => {
        onText(text);
      });
      const { response } = await stream.withResponse();
      const message = await stream.finalMessage();
      checkEvents(events);
      return replyOf(message, response, events.filter(isText).length);
    },
  };
}

const isText = (event: RawMessageStreamEvent): boolean =>
  event.type === "content_block_delta" && event.delta.type === "text_delta";

const maxTokensIfNotGiven = 4_000;
/** Anthropic's least is 1,024; it must be less than `max_tokens`. */
const thinkingTokens = 2_048;

type Body = Omit<MessageCreateParamsNonStreaming, "model">;

function bodyOf(ask: Ask): Body {
  const { schema } = ask;
  return {
    max_tokens: ask.maxTokens ?? maxTokensIfNotGiven,
    messages: ask.turns.map(messageOf),
    ...systemOf(ask),
    ...(ask.tools === undefined ? {} : { tools: toolsOf(ask.tools) }),
    ...toolChoiceOf(ask),
    ...(ask.thinks === undefined ? {} : { thinking: thinkingOf(ask.thinks) }),
    ...(ask.stop === undefined ? {} : { stop_sequences: [...ask.stop] }),
    ...(schema === undefined
      ? {}
      : { output_config: { format: { type: "json_schema", schema: { ...schema } } } }),
  };
}

function toolChoiceOf({ toolChoice, oneToolAtATime }: Ask): Pick<Body, "tool_choice"> {
  if (oneToolAtATime === true) {
    return { tool_choice: { type: "auto", disable_parallel_tool_use: true } };
  }
  if (toolChoice === undefined) return {};
  if (typeof toolChoice !== "string") {
    return { tool_choice: { type: "tool", name: toolChoice.name } };
  }
  return { tool_choice: { type: toolChoice === "required" ? "any" : "none" } };
}

function thinkingOf(thinks: NonNullable<Ask["thinks"]>): Anthropic.ThinkingConfigParam {
  return thinks === "as-it-likes"
    ? { type: "adaptive", display: "summarized" }
    : { type: "enabled", budget_tokens: thinkingTokens };
}

function systemOf({ system, caches }: Ask): Pick<Body, "system"> {
  if (system === undefined) return {};
  if (caches !== true) return { system };
  return { system: [{ type: "text", text: system, cache_control: { type: "ephemeral" } }] };
}

function toolsOf(tools: NonNullable<Ask["tools"]>): Anthropic.Tool[] {
  return tools.map(({ name, description, parameters }) => ({
    name,
    description,
    input_schema: { ...parameters },
  }));
}

function messageOf(turn: Turn): MessageParam {
  switch (turn.from) {
    case "user":
      return { role: "user", content: contentOf(turn) };
    case "model": {
      if ("text" in turn) return { role: "assistant", content: turn.text };
      return { role: "assistant", content: turn.reply.native as Message["content"] };
    }
    case "tools":
      return {
        role: "user",
        content: [
          ...turn.results.map(({ callId, text, isError = false }) => ({
            type: "tool_result" as const,
            tool_use_id: callId,
            content: isError ? text : [{ type: "text" as const, text }],
            ...(isError ? { is_error: true } : {}),
          })),
          ...(turn.text === undefined ? [] : [{ type: "text" as const, text: turn.text }]),
        ],
      };
  }
}

function contentOf(turn: Turn & { from: "user" }): string | (TextBlockParam | ImageBlockParam)[] {
  const { text, image } = turn;
  if (image === undefined) return text;
  return [
    { type: "text", text },
    { type: "image", source: sourceOf(image) },
  ];
}

function sourceOf(image: Image): ImageBlockParam["source"] {
  if ("url" in image) return { type: "url", url: image.url };
  const media_type = image.mediaType as Anthropic.Base64ImageSource["media_type"];
  return { type: "base64", media_type, data: image.base64 };
}

const finishes: Readonly<Record<string, Finish>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  tool_use: "tools",
  refusal: "refused",
};

function replyOf(message: Message, response: Response, textPieces: number): Reply {
  const { type, role }: { type: string; role: string } = message;
  if (type !== "message" || role !== "assistant") throw new Error(`not a message: ${type} ${role}`);
  const finish = finishes[message.stop_reason ?? ""];
  if (finish === undefined)
    throw new Error(`no stop reason of Anthropic's: ${message.stop_reason}`);
  const joined = (pick: (block: Message["content"][number]) => string): string =>
    message.content.map(pick).join("");
  return {
    requestId: response.headers.get("request-id") ?? "",
    model: message.model,
    text: joined((block) => (block.type === "text" ? block.text : "")),
    reasoning: joined((block) => (block.type === "thinking" ? block.thinking : "")),
    toolCalls: message.content.flatMap((block) =>
      block.type === "tool_use" ? [{ id: block.id, name: block.name, arguments: block.input }] : [],
    ),
    finish,
    usage: usageOf(message.usage),
    textPieces,
    droppedParams: droppedParamsOf(response),
    native: message.content,
  };
}

/** Anthropic counts what was cached apart from the rest of the input. */
function usageOf(usage: Usage): ReplyUsage {
  const cached = usage.cache_read_input_tokens ?? 0;
  const written = usage.cache_creation_input_tokens ?? 0;
  return {
    input: usage.input_tokens + cached + written,
    cached,
    written,
    output: usage.output_tokens,
  };
}
