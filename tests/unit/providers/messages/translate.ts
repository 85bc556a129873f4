import type { Failure } from "../../../../src/errors.ts";
import type { JsonObject } from "../../../../src/lib/json-text.ts";
import { plainChat } from "../../../../src/providers/messages/chat-traits.ts";
import type { ChatTraits } from "../../../../src/providers/messages/chat-traits.ts";
import { toChat } from "../../../../src/providers/messages/request/to-chat.ts";
import { beginTranslation } from "../../../../src/providers/messages/request/translation.ts";

export const user = (content: unknown): JsonObject => ({ role: "user", content });
export const assistant = (content: unknown): JsonObject => ({ role: "assistant", content });
export const toolUse = (id: string, input: object = {}): JsonObject => ({
  type: "tool_use",
  id,
  name: "weather",
  input,
});
export const toolResult = (id: string, content?: unknown, more: object = {}): JsonObject => ({
  type: "tool_result",
  tool_use_id: id,
  ...(content === undefined ? {} : { content }),
  ...more,
});
export const text = (value: string, more: object = {}): JsonObject => ({
  type: "text",
  text: value,
  ...more,
});
export const image = {
  type: "image",
  source: { type: "base64", media_type: "image/png", data: "AAAA" },
};
export const imagePart = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };
export const schema = { type: "object", properties: { city: { type: "string" } } };

export interface Translated {
  readonly chat: JsonObject;
  readonly dropped: readonly string[];
}

export function translated(
  fields: object,
  { traits = {}, model = "m" }: { traits?: Partial<ChatTraits>; model?: string } = {},
): Translated {
  const rules = { traits: { ...plainChat, ...traits }, model, isStrict: true };
  const translation = beginTranslation(rules);
  const request = { model: "asked", max_tokens: 10, messages: [user("Hi")], ...fields };
  const chat = toChat(request, translation);
  return { chat, dropped: [...translation.dropped] };
}

export const messagesOf = (
  messages: readonly object[],
  traits: Partial<ChatTraits> = {},
): unknown => translated({ messages }, { traits }).chat["messages"];

export function faultOf(fields: object): { param: string | null; message: string; status: number } {
  try {
    translated(fields);
  } catch (thrown) {
    const { body, message, status } = thrown as Failure;
    return { param: body.param, message, status };
  }
  throw new Error("it was translated");
}
