import { fromObject, isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject, JsonText } from "../../lib/json-text.ts";
import { parseExactly } from "../../lib/exact-json.ts";
import { ownValue } from "../../lib/own-value.ts";
import type { Provider, ProviderCall, ProviderReply, WholeReply } from "../provider.ts";
import { plainChat } from "./chat-traits.ts";
import type { ChatTraits } from "./chat-traits.ts";
import { estimateTokens } from "./estimate-tokens.ts";
import { fromChat } from "./answer/from-chat.ts";
import { MessageEvents } from "./answer/from-chat-events.ts";
import { toChat } from "./request/to-chat.ts";
import { beginTranslation } from "./request/translation.ts";

/** Counts the tokens of a chat request by asking the vendor. */
export type CountTokens = (call: ProviderCall) => Promise<number>;

export interface ThroughChatOptions extends Partial<ChatTraits> {
  /** Without it tokens are counted here, by a tokenizer that may not be the model's own: an estimate. */
  readonly countTokens?: CountTokens;
}

/**
 * Gives a provider that speaks OpenAI's chat Anthropic's two endpoints as well: the request becomes a chat,
 * and its answer a message again. Everything else goes to the provider as it is.
 */
export function messagesThroughChat(inner: Provider, options: ThroughChatOptions = {}): Provider {
  const { countTokens, ...given } = options;
  const traits = { ...plainChat, ...given };
  return {
    send: async (call) => {
      switch (call.endpoint) {
        case "messages":
          return sendMessages(inner, call, traits);
        case "count_tokens":
          return replyWithCount(call, traits, countTokens);
        default:
          return inner.send(call);
      }
    },
  };
}

async function sendMessages(
  inner: Provider,
  call: ProviderCall,
  traits: ChatTraits,
): Promise<ProviderReply> {
  const { model, isStream } = call;
  const value = withExactMessages(call.request);
  const translation = beginTranslation({ traits, model, isStrict: true });
  const chat = toChat(value, translation);
  const streamed = { ...chat, stream: true, stream_options: { include_usage: true } };
  const reply = await inner.send(asChat(call, isStream ? streamed : chat));
  const droppedParams = allDropped(translation.dropped, reply.droppedParams);
  const stops = value["stop_sequences"];
  const stopSequences = Array.isArray(stops) ? (stops as unknown[]) : [];
  const context = { model, toolNames: translation.toolNames, stopSequences };
  if (reply.kind === "stream") {
    return { ...reply, droppedParams, events: new MessageEvents(reply.events, context) };
  }
  const message = fromChat(reply.value, reply.usage, context);
  return { ...reply, droppedParams, value: message, bytes: Buffer.from(JSON.stringify(message)) };
}

/** Whether a value may be a number that a double cannot hold. */
const longNumber = /[:,[]\s*-?\d{16}/;

/** The request, with all digits of the numbers in its messages: an id in a tool's input must not change. */
function withExactMessages({ text, value }: JsonText): JsonObject {
  if (!longNumber.test(text)) return value;
  const exact = parseExactly(text);
  return isJsonObject(exact) ? { ...value, messages: exact["messages"] } : value;
}

async function replyWithCount(
  call: ProviderCall,
  traits: ChatTraits,
  countTokens: CountTokens | undefined,
): Promise<WholeReply> {
  const translation = beginTranslation({ traits, model: call.model, isStrict: false });
  const chat = toChat(call.request.value, translation);
  const inputTokens =
    countTokens === undefined
      ? await estimateTokens(chat, call.signal)
      : await countTokens(asChat(call, chat));
  const value = { input_tokens: inputTokens };
  return {
    kind: "whole",
    headers: { "x-sentinel-token-count": countTokens === undefined ? "estimated" : "exact" },
    droppedParams: [...translation.dropped],
    bytes: Buffer.from(JSON.stringify(value)),
    value,
    usage: undefined,
  };
}

function asChat(call: ProviderCall, chat: JsonObject): ProviderCall {
  const request = fromObject(chat);
  return { ...call, endpoint: "chat", request, requestBytes: Buffer.from(request.text) };
}

/** What the provider could not take either, under the names that the client used. */
const clientNames: Readonly<Record<string, string>> = {
  max_completion_tokens: "max_tokens",
  parallel_tool_calls: "tool_choice.disable_parallel_tool_use",
  reasoning_effort: "thinking",
  response_format: "output_config.format",
  stop: "stop_sequences",
  user: "metadata.user_id",
};

function allDropped(ours: ReadonlySet<string>, theirs: readonly string[]): string[] {
  const named = theirs
    .filter((name) => name !== "stream_options")
    .map((name) => ownValue(clientNames, name) ?? name);
  return [...new Set([...ours, ...named])];
}
