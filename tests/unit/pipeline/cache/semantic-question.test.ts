import { expect, test } from "vitest";

import { readJsonObject } from "../../../../src/lib/json-text.ts";
import { exactKey, shardKey } from "../../../../src/pipeline/cache/key.ts";
import { semanticQuestion } from "../../../../src/pipeline/cache/semantic-question.ts";
import type { CachedEndpoint } from "../../../../src/pipeline/cache/cache-store.ts";

function questionOf(endpoint: CachedEndpoint, request: object | string) {
  const json = readJsonObject(typeof request === "string" ? request : JSON.stringify(request), 100);
  if ("problem" in json) throw new Error(json.problem);
  return semanticQuestion(endpoint, json);
}

const user = (content: unknown): object => ({ role: "user", content });
const textPart = (text: string): object => ({ type: "text", text });

test.each<[CachedEndpoint, object, string]>([
  ["chat", { messages: [user("Hi")] }, "Hi"],
  ["chat", { messages: [{ role: "system", content: "Be brief." }, user("Hi")] }, "Hi"],
  ["chat", { messages: [user([textPart("a"), textPart("b")])] }, "a\nb"],
  ["chat", { messages: [user("Hi")], tools: [] }, "Hi"],
  ["messages", { messages: [user([textPart("Hi")])], system: "Be brief." }, "Hi"],
  ["responses", { input: "Hi" }, "Hi"],
  ["responses", { input: [user([{ type: "input_text", text: "Hi" }])] }, "Hi"],
])("of %s %j the question is '%s'", (endpoint, request, text) => {
  expect(questionOf(endpoint, request)).toMatchObject({ kind: "question", text });
});

test.each<[CachedEndpoint, object, string]>([
  ["completions", { prompt: "Hi" }, "endpoint"],
  ["embeddings", { input: "Hi" }, "endpoint"],
  ["chat", { messages: [user("Hi")], tools: [{}] }, "tools"],
  ["chat", { messages: [user("Hi")], functions: [{}] }, "tools"],
  ["chat", { messages: [{ role: "tool", content: "1" }, user("Hi")] }, "tools"],
  ["messages", { messages: [user([{ type: "tool_result" }])] }, "tools"],
  ["responses", { input: [{ type: "function_call_output" }, user("Hi")] }, "tools"],
  ["chat", { messages: [user([textPart("a"), { type: "image_url" }])] }, "not_text"],
  ["chat", { messages: [user([{ type: "image_url" }]), user("Hi")] }, "not_text"],
  ["messages", { messages: [user([{ type: "document" }, textPart("a")])] }, "not_text"],
  ["chat", { messages: [user("Hi"), { role: "assistant", content: "Yes" }] }, "no_question"],
  ["chat", { messages: [] }, "no_question"],
  ["chat", { messages: [user("  ")] }, "no_question"],
  ["chat", { messages: [user(null)] }, "no_question"],
  ["chat", { messages: ["Hi"] }, "no_question"],
  ["responses", {}, "no_question"],
])("%s %j goes past the semantic tier: %s", (endpoint, request, reason) => {
  expect(questionOf(endpoint, request)).toEqual({ kind: "bypass", reason });
});

const shardOf = (
  request: object | string,
  tenantId = "acme",
  endpoint: CachedEndpoint = "chat",
) => {
  const verdict = questionOf(endpoint, request);
  const text = verdict.kind === "question" ? verdict.scope : "";
  return shardKey({
    tenantId,
    endpoint,
    model: "m",
    targets: [],
    strategy: "priority",
    pinnedProvider: undefined,
    clientHeaders: {},
    request: { text },
  });
};

test("requests that differ in their last user message alone share a shard, and no others do", () => {
  const system = { role: "system", content: "Be brief." };
  const base = { temperature: 0, messages: [system, user("Hi")] };
  const shard = shardOf(base);
  expect(shardOf({ ...base, messages: [system, user("Hello")] })).toBe(shard);
  expect(shardOf({ ...base, stream: true, user: "ann" })).toBe(shard);
  const others = [
    shardOf({ ...base, temperature: 0.1 }),
    shardOf({ ...base, messages: [{ ...system, content: "Be long." }, user("Hi")] }),
    shardOf({ ...base, messages: [user("Hi")] }),
    shardOf({ ...base, messages: [system, user("Before"), user("Hi")] }),
    shardOf({ ...base, messages: [system, { ...user("Hi"), name: "ann" }] }),
    shardOf({ ...base, messages: [system, user([textPart("Hi")])] }),
    shardOf({ ...base, response_format: { type: "json_object" } }),
    shardOf(base, "other"),
    shardOf({ input: "Hi" }, "acme", "responses"),
  ];
  expect(new Set([shard, ...others]).size).toBe(others.length + 1);
});

test("long numbers in earlier turns keep shards apart", () => {
  const of = (id: string): string =>
    `{"messages":[{"role":"user","content":"a","id":${id}},{"role":"user","content":"Hi"}]}`;
  expect(shardOf(of("12345678901234567890"))).not.toBe(shardOf(of("12345678901234567891")));
});

test("a shard is never an exact key", () => {
  const parts = {
    tenantId: "acme",
    endpoint: "chat" as const,
    model: "m",
    targets: [],
    strategy: "priority",
    pinnedProvider: undefined,
    clientHeaders: {},
    request: { text: "{}" },
  };
  expect(shardKey(parts)).not.toBe(exactKey(parts));
});

test("what stands in the place of a text and is none stays in the scope", () => {
  const asking = (odd: unknown): string | undefined =>
    shardOf({ messages: [user([textPart("a"), { type: "text", text: odd }])] });
  const shards = [null, 1, 2, { value: "a" }, { value: "b" }, ["a"], "a"].map(asking);
  expect(new Set(shards).size).toBe(6);
});
