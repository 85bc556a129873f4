import { expect, test } from "vitest";

import { message, text, thought, toolUse } from "../fixtures/anthropic/messages.ts";
import type { Json } from "../fixtures/anthropic/messages.ts";
import { shareOneUpstream } from "../support/one-upstream.ts";
import { whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";

const startOneUpstream = shareOneUpstream();

/** Trap 15 of the contract, point by point, through the gateway. */

const model = "claude-sonnet-4-5";

interface Exchange {
  readonly status: number;
  readonly answer: Json;
  readonly choice: { message: Json; finish_reason: unknown };
  readonly headers: Headers;
  /** What the upstream was asked; undefined if nothing reached it. */
  readonly asked: Json;
  readonly askedHeaders: Json;
  readonly askedPath: string | undefined;
}

async function ask(
  fields: Json = {},
  script: Script = whole(message([text("Hello")])),
  headers: Record<string, string> = {},
): Promise<Exchange> {
  await using plane = await startOneUpstream({
    type: "anthropic",
    script,
    provider: { models: [model, "claude-opus-4-7", "claude-3-5-haiku-20241022"] },
  });
  const response = await plane.chat({ model, ...fields }, headers);
  const answer = (await response.json()) as Json;
  const [seen] = plane.upstream.seen;
  const [choice] = (answer["choices"] ?? []) as Exchange["choice"][];
  return {
    status: response.status,
    answer,
    choice: choice ?? { message: {}, finish_reason: undefined },
    headers: response.headers,
    asked: seen?.json ?? {},
    askedHeaders: seen?.headers ?? {},
    askedPath: seen?.path,
  };
}

const user = (content: unknown): Json => ({ role: "user", content });
const tools = [
  { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } },
];

test("a chat is a message, asked with Anthropic's headers and the operator's key", async () => {
  const { status, answer, askedPath, askedHeaders } = await ask({}, undefined, {
    "anthropic-beta": "context-1m-2025-08-07",
    "anthropic-version": "2026-10-21",
    cookie: "a=b",
  });
  expect(status).toBe(200);
  expect(askedPath).toBe("/v1/messages");
  expect(askedHeaders).toMatchObject({
    "x-api-key": "sk-upstream",
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "context-1m-2025-08-07",
    "content-type": "application/json",
  });
  expect(askedHeaders).not.toHaveProperty("authorization");
  expect(askedHeaders).not.toHaveProperty("cookie");
  expect(answer).toMatchObject({
    object: "chat.completion",
    choices: [
      { index: 0, message: { role: "assistant", content: "Hello" }, finish_reason: "stop" },
    ],
  });
});

test("system and developer messages become `system`", async () => {
  const { asked } = await ask({
    messages: [{ role: "system", content: "A" }, user("Hi"), { role: "developer", content: "B" }],
  });
  expect(asked["system"]).toBe("A\nB");
  expect(asked["messages"]).toEqual([{ role: "user", content: [text("Hi")] }]);
});

test("`max_tokens` or `max_completion_tokens`, else the model's default", async () => {
  expect((await ask({ max_tokens: 7 })).asked["max_tokens"]).toBe(7);
  expect((await ask({ max_completion_tokens: 8 })).asked["max_tokens"]).toBe(8);
  expect((await ask()).asked["max_tokens"]).toBe(64_000);
});

test("temperature alone where it may not stand with top_p, and 1 at most", async () => {
  const { asked, headers } = await ask({ temperature: 1.5, top_p: 0.5 });
  expect(asked["temperature"]).toBe(1);
  expect(asked).not.toHaveProperty("top_p");
  expect(headers.get("x-sentinel-dropped-params")).toBe("top_p");
});

test("`stop` becomes a list", async () => {
  expect((await ask({ stop: "END" })).asked["stop_sequences"]).toEqual(["END"]);
});

test("parallel tool results go in one user turn", async () => {
  const call = (id: string): Json => ({
    id,
    type: "function",
    function: { name: "f", arguments: "{}" },
  });
  const { asked } = await ask({
    tools,
    messages: [
      user("Hi"),
      { role: "assistant", content: null, tool_calls: [call("call_1"), call("call_2")] },
      { role: "tool", tool_call_id: "call_1", content: "one" },
      { role: "tool", tool_call_id: "call_2", content: "two" },
      user("So?"),
    ],
  });
  const turns = asked["messages"] as { role: string; content: Json[] }[];
  expect(turns.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
  expect(turns[2]?.content).toEqual([
    { type: "tool_result", tool_use_id: "call_1", content: "one" },
    { type: "tool_result", tool_use_id: "call_2", content: "two" },
    text("So?"),
  ]);
});

test("`tool_choice` and `parallel_tool_calls` map", async () => {
  const { asked } = await ask({ tools, tool_choice: "required", parallel_tool_calls: false });
  expect(asked["tool_choice"]).toEqual({ type: "any", disable_parallel_tool_use: true });
});

test("`cache_control` is kept", async () => {
  const mark = { cache_control: { type: "ephemeral" } };
  const { asked } = await ask({ messages: [user([{ ...text("Hi"), ...mark }])] });
  expect(asked["messages"]).toEqual([{ role: "user", content: [{ ...text("Hi"), ...mark }] }]);
});

test("images come by URL and as data", async () => {
  const image = (url: string): Json => ({ type: "image_url", image_url: { url } });
  const { asked } = await ask({
    messages: [user([image("https://a.example/b.png"), image("data:image/png;base64,AAAA")])],
  });
  expect(asked["messages"]).toEqual([
    {
      role: "user",
      content: [
        { type: "image", source: { type: "url", url: "https://a.example/b.png" } },
        { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
      ],
    },
  ]);
});

test("thinking stays out of `content`, and its signed blocks come back with the results", async () => {
  const first = await ask(
    { tools, reasoning_effort: "low" },
    whole(message([thought, text("Let me see."), toolUse("toolu_1", "f", {})])),
  );
  expect(first.asked["thinking"]).toMatchObject({ type: "enabled" });
  const { message: said, finish_reason: finish } = first.choice;
  expect(said).toMatchObject({
    content: "Let me see.",
    reasoning_content: thought["thinking"],
    thinking_blocks: [thought],
  });
  expect(finish).toBe("tool_calls");
  const second = await ask({
    tools,
    reasoning_effort: "low",
    messages: [user("Hi"), said, { role: "tool", tool_call_id: "toolu_1", content: "ok" }],
  });
  expect(second.asked["thinking"]).toMatchObject({ type: "enabled" });
  expect(second.asked["messages"]).toMatchObject([
    {},
    { content: [thought, text("Let me see."), { type: "tool_use", id: "toolu_1" }] },
    { content: [{ type: "tool_result", tool_use_id: "toolu_1" }] },
  ]);
});

test("JSON schema output, by Anthropic's own means or by a tool", async () => {
  const schema = {
    type: "object",
    properties: { a: { type: "string" } },
    additionalProperties: false,
  };
  const format = {
    response_format: { type: "json_schema", json_schema: { name: "x", schema, strict: true } },
  };
  const native = await ask(format, whole(message([text('{"a":"b"}')])));
  expect(native.asked["output_config"]).toEqual({ format: { type: "json_schema", schema } });
  expect(native.choice.message["content"]).toBe('{"a":"b"}');

  const older = await ask(
    { ...format, model: "claude-3-5-haiku-20241022" },
    (response, request) => {
      const { name } = request.json?.["tool_choice"] as { name: string };
      response.end(JSON.stringify(message([toolUse("toolu_1", name, { a: "b" })])));
    },
  );
  expect(older.choice).toMatchObject({ message: { content: '{"a":"b"}' }, finish_reason: "stop" });
  expect(older.choice.message).not.toHaveProperty("tool_calls");
});

test("fields that only OpenAI has are left out and named", async () => {
  const { asked, headers } = await ask({ frequency_penalty: 1, seed: 7, logit_bias: {} });
  for (const name of ["frequency_penalty", "seed", "logit_bias"]) {
    expect(asked).not.toHaveProperty(name);
  }
  expect(headers.get("x-sentinel-dropped-params")).toBe("frequency_penalty,seed,logit_bias");
});

test("prompt tokens are input, cache writes and cache reads together", async () => {
  const { answer } = await ask();
  expect(answer["usage"]).toMatchObject({
    prompt_tokens: 1_112,
    completion_tokens: 34,
    total_tokens: 1_146,
    prompt_tokens_details: { cached_tokens: 1_000, cache_write_tokens: 100 },
    completion_tokens_details: { reasoning_tokens: 5 },
  });
});

test("a refusal surfaces", async () => {
  const details = { type: "refusal", category: "cyber", explanation: "I can't help with that." };
  const { choice } = await ask(
    {},
    whole(message([text("No")], { stop_reason: "refusal", stop_details: details })),
  );
  expect(choice).toMatchObject({
    finish_reason: "content_filter",
    message: { content: "No", refusal: "I can't help with that." },
  });
});

test.each([
  [{ messages: [{ role: "robot", content: "Hi" }] }, "messages[0].role"],
  [{ messages: [{ role: "tool", content: "Hi" }] }, "messages[0].tool_call_id"],
  [{ n: 3 }, "n"],
])("%j is the caller's mistake, and no request", async (fields, param) => {
  const { status, answer, askedPath } = await ask(fields);
  expect(status).toBe(400);
  expect(answer["error"]).toMatchObject({ type: "invalid_request_error", param });
  expect(askedPath).toBeUndefined();
});

const refusal = (type: string, said: string, status: number, headers = {}): Script =>
  whole({ type: "error", error: { type, message: said }, request_id: "req_1" }, headers, status);

test.each([
  ["invalid_request_error", 400, "invalid_request_error"],
  ["authentication_error", 401, "authentication_error"],
  ["permission_error", 403, "permission_error"],
  ["not_found_error", 404, "invalid_request_error"],
  ["request_too_large", 413, "invalid_request_error"],
])("%s keeps its status %i and its words", async (type, status, openAiType) => {
  const exchange = await ask({}, refusal(type, "The vendor's words", status));
  expect(exchange.status).toBe(status);
  expect(exchange.answer["error"]).toMatchObject({
    message: "The vendor's words",
    type: openAiType,
    code: type,
  });
});

test.each([429, 529])(
  "status %i is tried again, after the time that it asks for",
  async (status) => {
    let count = 0;
    const { answer } = await ask({}, (response, request, socket) => {
      const again = refusal("overloaded_error", "Overloaded", status, { "retry-after-ms": "1" });
      const script = count++ === 0 ? again : whole(message([text("Now")]));
      return script(response, request, socket);
    });
    expect(answer).toMatchObject({ choices: [{ message: { content: "Now" } }] });
  },
);

test("what is no message is the upstream's failure", async () => {
  for (const script of [whole("<html>"), whole({ id: "x" }), whole("[]")]) {
    const { status, answer } = await ask({}, script);
    expect(status).toBe(502);
    expect(answer["error"]).toMatchObject({ code: "upstream_error" });
  }
});

test("an empty account is about the key, not about the client", async () => {
  let count = 0;
  await using plane = await startOneUpstream({
    type: "anthropic",
    provider: { api_keys: ["sk-upstream-empty", "sk-upstream-full"] },
    script: (response, request, socket) => {
      const words = "Your credit balance is too low to access the Anthropic API.";
      const script =
        count++ === 0
          ? refusal("invalid_request_error", words, 400)
          : whole(message([text(String(request.headers["x-api-key"]))]));
      return script(response, request, socket);
    },
  });
  const response = await plane.chat();
  expect(response.status).toBe(200);
  expect(count).toBe(2);
});

test("Anthropic's limits come under the names that OpenAI's clients read", async () => {
  const resetAt = new Date(Date.now() + 360_000).toISOString();
  const { headers } = await ask(
    {},
    whole(message([text("Hello")]), {
      "anthropic-ratelimit-requests-limit": "50",
      "anthropic-ratelimit-requests-remaining": "49",
      "anthropic-ratelimit-requests-reset": resetAt,
      "anthropic-ratelimit-input-tokens-limit": "7",
    }),
  );
  expect(headers.get("x-ratelimit-limit-requests")).toBe("50");
  expect(headers.get("x-ratelimit-remaining-requests")).toBe("49");
  expect(headers.get("x-ratelimit-reset-requests")).toMatch(/^(?:6m0s|5m5\ds)$/);
  expect([...headers.keys()].filter((name) => name.startsWith("anthropic-"))).toEqual([]);
});
