import OpenAI from "openai";
import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionContentPart,
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionMessageParam,
} from "openai/resources/chat/completions";

import type { Ask, Client, Finish, Reply, ReplyUsage, ToolChoice, Turn } from "../ask.ts";
import { droppedParamsOf } from "../dropped-params.ts";
import { gatherChunks } from "./openai-chunks.ts";
import type { GatheredMessage } from "./openai-chunks.ts";

/** OpenAI's own client, unchanged, pointed at the gateway. It does not retry: a refusal is to be seen. */
export function openAiClient(options: {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** `provider/`, put before each model's name. */
  readonly modelPrefix: string;
  readonly usualModel: string;
}): Client {
  const sdk = new OpenAI({ baseURL: options.baseUrl, apiKey: options.apiKey, maxRetries: 0 });
  return {
    name: "openai",
    ask: async (ask, mode, onText = () => undefined) => {
      const model = options.modelPrefix + (ask.model ?? options.usualModel);
      const body: ChatCompletionCreateParamsNonStreaming = { model, ...bodyOf(ask) };
      const requestOptions = ask.signal === undefined ? {} : { signal: ask.signal };
      if (mode === "whole") {
        const request = sdk.chat.completions.create(body, requestOptions);
        const { data, response } = await request.withResponse();
        return replyOf(messageOf(data), response);
      }
      const streamed = { ...body, stream: true, stream_options: { include_usage: true } } as const;
      const request = sdk.chat.completions.create(streamed, requestOptions);
      const { data, response } = await request.withResponse();
      const chunks: ChatCompletionChunk[] = [];
      let text = "";
      for await (const chunk of data) {
        chunks.push(chunk);
        text += chunk.choices[0]?.delta.content ?? "";
        onText(text);
      }
      return replyOf(gatherChunks(chunks), response);
    },
  };
}

type Body = Omit<ChatCompletionCreateParamsNonStreaming, "model">;

function bodyOf(ask: Ask): Body {
  const { schema } = ask;
  return {
    messages: [...systemOf(ask), ...ask.turns.flatMap(messagesOf)],
    ...(ask.tools === undefined ? {} : { tools: toolsOf(ask.tools) }),
    ...(ask.toolChoice === undefined ? {} : { tool_choice: toolChoiceOf(ask.toolChoice) }),
    ...(ask.oneToolAtATime === true ? { parallel_tool_calls: false } : {}),
    ...(ask.temperature === undefined ? {} : { temperature: ask.temperature }),
    ...(ask.thinks !== undefined ? { reasoning_effort: "high" } : {}),
    ...(ask.stop === undefined ? {} : { stop: stopOf(ask.stop) }),
    ...(ask.maxTokens === undefined ? {} : { max_completion_tokens: ask.maxTokens }),
    ...(schema === undefined
      ? {}
      : {
          response_format: {
            type: "json_schema",
            json_schema: { name: "answer", strict: true, schema },
          },
        }),
  };
}

function toolChoiceOf(choice: ToolChoice): OpenAI.ChatCompletionToolChoiceOption {
  if (typeof choice === "string") return choice;
  return { type: "function", function: { name: choice.name } };
}

/** A single one as text, which OpenAI takes as well. */
function stopOf(stop: readonly string[]): string | string[] {
  const [first] = stop;
  return first !== undefined && stop.length === 1 ? first : [...stop];
}

function systemOf({ system, systemRole, caches }: Ask): ChatCompletionMessageParam[] {
  if (system === undefined) return [];
  if (caches !== true) return [{ role: systemRole ?? "system", content: system }];
  // OpenAI has no such field; OpenRouter, LiteLLM and others take Anthropic's on a content part.
  const part = { type: "text" as const, text: system, cache_control: { type: "ephemeral" } };
  return [{ role: "system", content: [part] }];
}

function toolsOf(tools: NonNullable<Ask["tools"]>): OpenAI.ChatCompletionFunctionTool[] {
  return tools.map(({ name, description, parameters }) => ({
    type: "function",
    function: { name, description, parameters },
  }));
}

function messagesOf(turn: Turn): ChatCompletionMessageParam[] {
  switch (turn.from) {
    case "user":
      return [{ role: "user", content: contentOf(turn) }];
    case "model":
      if ("text" in turn) return [{ role: "assistant", content: turn.text }];
      return [turn.reply.native as ChatCompletionMessageParam];
    case "tools":
      return [
        ...turn.results.map(({ callId, text }) => {
          return { role: "tool" as const, tool_call_id: callId, content: text };
        }),
        ...(turn.text === undefined ? [] : [{ role: "user" as const, content: turn.text }]),
      ];
  }
}

function contentOf(turn: Turn & { from: "user" }): string | ChatCompletionContentPart[] {
  const { text, image } = turn;
  if (image === undefined) return text;
  const url = "url" in image ? image.url : `data:${image.mediaType};base64,${image.base64}`;
  return [
    { type: "text", text },
    { type: "image_url", image_url: { url } },
  ];
}

function messageOf(completion: ChatCompletion): GatheredMessage {
  const [choice] = completion.choices;
  if (choice === undefined) throw new Error(`no choice in ${JSON.stringify(completion)}`);
  return {
    message: choice.message as unknown as GatheredMessage["message"],
    finishReason: choice.finish_reason,
    model: completion.model,
    usage: completion.usage,
    textPieces: 1,
  };
}

const finishes: Readonly<Record<string, Finish>> = {
  stop: "stop",
  length: "length",
  tool_calls: "tools",
  content_filter: "refused",
};

function replyOf(gathered: GatheredMessage, response: Response): Reply {
  const { message, model, finishReason, usage, textPieces } = gathered;
  const finish = finishes[finishReason];
  if (finish === undefined) throw new Error(`not a finish reason of OpenAI's: ${finishReason}`);
  const refusal = message.refusal ?? "";
  return {
    requestId: response.headers.get("x-request-id") ?? "",
    model,
    text: (message.content ?? "") + refusal,
    reasoning: message.reasoning_content ?? "",
    toolCalls: (message.tool_calls ?? []).map((call) => ({
      id: call.id,
      name: call.function.name,
      arguments: JSON.parse(call.function.arguments) as unknown,
    })),
    finish: refusal === "" ? finish : "refused",
    usage: usage == null ? undefined : usageOf(usage),
    textPieces,
    droppedParams: droppedParamsOf(response),
    native: message,
  };
}

function usageOf(usage: OpenAI.CompletionUsage): ReplyUsage {
  const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details } = usage;
  if (total_tokens !== prompt_tokens + completion_tokens) throw new Error("total_tokens is wrong");
  // `null` and missing mean none: servers that count no cached tokens write either.
  const details = (prompt_tokens_details ?? {}) as Record<string, number | undefined>;
  return {
    input: prompt_tokens,
    cached: details["cached_tokens"] ?? 0,
    written: details["cache_write_tokens"] ?? 0,
    output: completion_tokens,
  };
}
