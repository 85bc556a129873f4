import { expect, test } from "vitest";

import { readCacheControls } from "../../../../src/pipeline/cache/controls.ts";
import { judgeRequest } from "../../../../src/pipeline/cache/eligibility.ts";
import { whyNotStored } from "../../../../src/pipeline/cache/storable.ts";
import type { CachedEndpoint } from "../../../../src/pipeline/cache/cache-store.ts";
import type { Endpoint } from "../../../../src/protocol/endpoints.ts";
import { cacheRules } from "../../../../src/tenants/cache-policy.ts";
import type { CachePolicy } from "../../../../src/tenants/cache-policy.ts";

interface Asked {
  readonly endpoint?: Endpoint;
  readonly policy?: CachePolicy;
  readonly control?: string;
  readonly ttl?: string;
}

function judge(request: object, { endpoint = "chat", policy = {}, control, ttl }: Asked = {}) {
  return judgeRequest({
    endpoint,
    request: { model: "m", ...request },
    rules: cacheRules([{ cache: policy }, {}]),
    controls: readCacheControls({ "x-sentinel-cache": control, "x-sentinel-cache-ttl": ttl }),
  });
}

const reasonOf = (request: object, asked?: Asked): string => {
  const verdict = judge(request, asked);
  return verdict.kind === "bypass" ? verdict.reason : "cacheable";
};

const still = { temperature: 0 };

test.each<[string, object, Asked, string]>([
  ["a temperature of 0", { temperature: 0 }, {}, "cacheable"],
  ["a temperature of -0", { temperature: -0 }, {}, "cacheable"],
  ["no temperature, which is 1", {}, {}, "temperature"],
  ["a temperature of null, which is 1", { temperature: null }, {}, "temperature"],
  ["a temperature above the bound", { temperature: 0.01 }, {}, "temperature"],
  [
    "one at the policy's bound",
    { temperature: 0.7 },
    { policy: { max_temperature: 0.7 } },
    "cacheable",
  ],
  ["none where the policy takes 1", {}, { policy: { max_temperature: 1 } }, "cacheable"],
  ["one above the policy's bound", {}, { policy: { max_temperature: 0.9 } }, "temperature"],
  ["`on`", {}, { control: "on" }, "cacheable"],
  ["`refresh`", {}, { control: "refresh" }, "cacheable"],
  ["`only-if-cached`", {}, { control: "only-if-cached" }, "cacheable"],
  ["`no-cache`, which opts nothing in", {}, { control: "no-cache" }, "temperature"],
  ["`no-store`", still, { control: "no-store" }, "no_store"],
  ["a policy that has it off", still, { policy: { enabled: false } }, "disabled"],
  [
    "a policy that has it off, whatever is asked",
    still,
    { policy: { enabled: false }, control: "on" },
    "disabled",
  ],
])("%s makes a request %#", (_what, request, asked, reason) => {
  expect(reasonOf(request, asked)).toBe(reason);
});

const spoken = [{ role: "user", content: [{ type: "text", text: "a" }, { type: "input_audio" }] }];
const typed = [{ role: "user", content: [{ type: "text", text: "a" }] }];

test.each<[Endpoint, object, string]>([
  ["chat", { n: 1 }, "cacheable"],
  ["chat", { n: 2 }, "several_answers"],
  ["completions", { n: 2 }, "several_answers"],
  ["completions", { best_of: 3 }, "several_answers"],
  ["completions", { prompt: ["a", "b"] }, "cacheable"],
  ["chat", { tools: [{ type: "function", function: { name: "a" } }] }, "cacheable"],
  ["chat", { store: true }, "stored_response"],
  ["chat", { store: false }, "cacheable"],
  ["chat", { store: null }, "cacheable"],
  ["chat", { modalities: ["text", "audio"] }, "audio"],
  ["chat", { modalities: ["text"] }, "cacheable"],
  ["chat", { audio: { voice: "alloy" } }, "audio"],
  ["chat", { messages: spoken }, "audio"],
  ["chat", { messages: typed }, "cacheable"],
  ["chat", { messages: [{ role: "assistant", audio: { id: "a" } }] }, "audio"],
  ["chat", { web_search_options: {} }, "live_data"],
  ["chat", { web_search_options: null }, "cacheable"],
  ["responses", {}, "cacheable"],
  ["responses", { store: false }, "cacheable"],
  ["responses", { store: true }, "stored_response"],
  ["responses", { previous_response_id: "resp_1" }, "stored_response"],
  ["responses", { previous_response_id: null }, "cacheable"],
  ["responses", { conversation: { id: "c" } }, "stored_response"],
  ["responses", { conversation: "c" }, "stored_response"],
  ["responses", { background: true }, "background"],
  ["responses", { input: spoken }, "audio"],
  ["responses", { input: "Hi" }, "cacheable"],
  ["messages", { max_tokens: 0 }, "prompt_warmup"],
  ["messages", { max_tokens: 1 }, "cacheable"],
  ["messages", { mcp_servers: [{}] }, "live_data"],
  ["messages", { mcp_servers: [] }, "cacheable"],
  ["messages", { container: "c" }, "stored_response"],
  ["moderations", {}, "endpoint"],
  ["count_tokens", {}, "endpoint"],
])("%s %j: %s", (endpoint, request, reason) => {
  expect(reasonOf({ ...still, ...request }, { endpoint })).toBe(reason);
});

test("embeddings are always deterministic", () => {
  expect(reasonOf({ input: "a" }, { endpoint: "embeddings" })).toBe("cacheable");
  expect(reasonOf({}, { endpoint: "embeddings", control: "no-store" })).toBe("no_store");
});

test("a request says whether it reads and writes, and for how long", () => {
  expect(judge(still)).toMatchObject({
    reads: true,
    writes: true,
    onlyIfCached: false,
    ttlMs: 3_600_000,
  });
  expect(judge(still, { control: "no-cache" })).toMatchObject({ reads: false, writes: true });
  expect(judge(still, { control: "only-if-cached" })).toMatchObject({ onlyIfCached: true });
  expect(judge(still, { ttl: "5" })).toMatchObject({ ttlMs: 5_000 });
  expect(judge(still, { ttl: "500", policy: { max_ttl_seconds: 50 } })).toMatchObject({
    ttlMs: 50_000,
  });
  expect(judge(still, { policy: { ttl_seconds: 70 } })).toMatchObject({ ttlMs: 70_000 });
});

const chat = (choice: object): object => ({
  choices: [
    { index: 0, message: { role: "assistant", content: "a" }, finish_reason: "stop", ...choice },
  ],
});
const message = (fields: object): object => ({
  type: "message",
  content: [{ type: "text", text: "a" }],
  stop_reason: "end_turn",
  ...fields,
});
const response = (fields: object): object => ({
  status: "completed",
  output: [{ type: "message", content: [{ type: "output_text", text: "a" }] }],
  ...fields,
});

test.each<[CachedEndpoint, object, string | undefined]>([
  ["chat", chat({}), undefined],
  ["chat", chat({ message: { content: null, refusal: "No." } }), "flagged"],
  ["chat", chat({ finish_reason: "length" }), "truncated"],
  ["chat", chat({ finish_reason: "model_length" }), "truncated"],
  ["chat", chat({ finish_reason: "content_filter" }), "flagged"],
  ["chat", chat({ finish_reason: "tool_calls" }), "tool_calls"],
  ["chat", chat({ message: { content: "a", tool_calls: [{}] } }), "tool_calls"],
  ["chat", chat({ message: { content: "a", tool_calls: [] } }), undefined],
  ["chat", chat({ message: { function_call: {} }, finish_reason: "stop" }), "tool_calls"],
  ["chat", chat({ message: { audio: { id: "a" } } }), "audio"],
  ["chat", chat({ finish_reason: null }), "unfinished"],
  ["chat", chat({ finish_reason: "constructor" }), "unfinished"],
  ["chat", { choices: [] }, "unknown_form"],
  ["chat", {}, "unknown_form"],
  ["chat", { ...chat({}), error: { message: "a" } }, "failed"],
  ["completions", { choices: [{ text: "a", finish_reason: "stop" }] }, undefined],
  [
    "completions",
    {
      choices: [
        { text: "a", finish_reason: "stop" },
        { text: "b", finish_reason: "length" },
      ],
    },
    "truncated",
  ],
  ["messages", message({}), undefined],
  ["messages", message({ stop_reason: "stop_sequence" }), undefined],
  ["messages", message({ stop_reason: "max_tokens" }), "truncated"],
  ["messages", message({ stop_reason: "refusal" }), "flagged"],
  ["messages", message({ stop_reason: "pause_turn" }), "unfinished"],
  ["messages", message({ stop_reason: null }), "unfinished"],
  ["messages", message({ content: [{ type: "tool_use" }], stop_reason: "tool_use" }), "tool_calls"],
  ["messages", message({ content: [{ type: "server_tool_use" }] }), "tool_calls"],
  ["messages", { type: "error", error: {} }, "failed"],
  ["responses", response({}), undefined],
  ["responses", response({ error: null, store: false }), undefined],
  ["responses", response({ store: true }), "stored_response"],
  ["responses", response({ output: [{ type: "function_call" }] }), "tool_calls"],
  ["responses", response({ output: [{ type: "web_search_call" }] }), "tool_calls"],
  ["responses", response({ output: [{ type: "reasoning" }] }), undefined],
  ["responses", response({ status: "incomplete" }), "truncated"],
  [
    "responses",
    response({ status: "incomplete", incomplete_details: { reason: "content_filter" } }),
    "flagged",
  ],
  ["responses", response({ status: "failed" }), "failed"],
  ["responses", response({ status: "queued" }), "unfinished"],
  [
    "responses",
    response({ output: [{ type: "message", content: [{ type: "output_audio" }] }] }),
    "audio",
  ],
  ["embeddings", { data: [{ embedding: [1] }] }, undefined],
  ["embeddings", { data: [] }, "unknown_form"],
])("of %s, %j is not stored: %s", (endpoint, answer, reason) => {
  expect(whyNotStored(endpoint, answer as Readonly<Record<string, unknown>>)).toBe(reason);
});
