import { changeFields, isJsonObject, readJsonObject } from "../../lib/json-text.ts";
import type { JsonObject, JsonText } from "../../lib/json-text.ts";
import type { Provider } from "../provider.ts";
import { isOurSignature } from "./carried-extras.ts";

/**
 * For a provider that speaks Anthropic's API itself: leaves out the `thinking` blocks that were made here for
 * another provider's answer, as after a fallback. Anthropic refuses a signature that is not its own.
 */
export const withoutCarriedThinking = (inner: Provider): Provider => ({
  send: (call) => {
    if (call.endpoint !== "messages" && call.endpoint !== "count_tokens") return inner.send(call);
    const request = cleaned(call.request);
    if (request === call.request) return inner.send(call);
    return inner.send({ ...call, request, requestBytes: Buffer.from(request.text) });
  },
});

/** The same object where there is nothing to leave out. */
function cleaned(request: JsonText): JsonText {
  const messages = request.value["messages"];
  if (!Array.isArray(messages)) return request;
  const kept = messages.map((message: unknown) => withoutOurs(message));
  if (kept.every((message, index) => message === messages[index])) return request;
  const filled = kept.filter((message) => message !== undefined);
  const changes = new Map([["messages", { value: JSON.stringify(filled) }]]);
  const json = readJsonObject(changeFields(request, changes), Number.POSITIVE_INFINITY);
  return "problem" in json ? request : json;
}

/** Undefined for a message of which nothing would be left: an empty one is refused as well. */
function withoutOurs(message: unknown): unknown {
  if (!isJsonObject(message) || !Array.isArray(message["content"])) return message;
  const content = message["content"] as unknown[];
  const kept = content.filter((block) => !(isJsonObject(block) && isOurs(block)));
  if (kept.length === content.length) return message;
  return kept.length === 0 ? undefined : { ...message, content: kept };
}

function isOurs(block: JsonObject): boolean {
  return block["type"] === "thinking" && isOurSignature(block["signature"]);
}
