import { expect, test } from "vitest";

import { fromObject } from "../../../../src/lib/json-text.ts";
import type { JsonObject, JsonText } from "../../../../src/lib/json-text.ts";
import { encodeExtras } from "../../../../src/providers/messages/carried-extras.ts";
import { withoutCarriedThinking } from "../../../../src/providers/messages/without-carried-thinking.ts";
import type { ProviderCall } from "../../../../src/providers/provider.ts";

const signature = encodeExtras({ model: "m", message: {}, calls: new Map() });
const ours = { type: "thinking", thinking: "Hm.", signature };
const native = { type: "thinking", thinking: "Hm.", signature: "EqQB" };
const text = { type: "text", text: "a" };

async function sent(messages: readonly object[], endpoint = "messages"): Promise<ProviderCall> {
  const seen: ProviderCall[] = [];
  const provider = withoutCarriedThinking({
    send: (call) => {
      seen.push(call);
      return Promise.reject(new Error("not answered"));
    },
  });
  const request = fromObject({ model: "m", messages });
  const call = { endpoint, request, requestBytes: Buffer.from(request.text) } as ProviderCall;
  await expect(provider.send(call)).rejects.toThrow("not answered");
  const [first] = seen;
  if (first === undefined) throw new Error("nothing was sent");
  return first;
}

const messagesOf = (request: JsonText): unknown => request.value["messages"];

test("thoughts that were made here do not go to Anthropic; its own do", async () => {
  const call = await sent([
    { role: "user", content: "?" },
    { role: "assistant", content: [ours, text] },
    { role: "user", content: "!" },
    { role: "assistant", content: [native, ours] },
    { role: "assistant", content: [ours] },
  ]);
  expect(messagesOf(call.request)).toEqual([
    { role: "user", content: "?" },
    { role: "assistant", content: [text] },
    { role: "user", content: "!" },
    { role: "assistant", content: [native] },
  ]);
  expect(JSON.parse(call.requestBytes.toString())).toEqual(call.request.value);
});

test("a request without them goes on as the bytes that it is", async () => {
  const messages: JsonObject[] = [{ role: "assistant", content: [native, text] }];
  const call = await sent(messages);
  expect(messagesOf(call.request)).toBe(messages);
});

test("other endpoints are left alone", async () => {
  const call = await sent([{ role: "assistant", content: [ours] }], "chat");
  expect(messagesOf(call.request)).toEqual([{ role: "assistant", content: [ours] }]);
});
