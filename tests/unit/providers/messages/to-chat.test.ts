import { expect, test } from "vitest";

import {
  user,
  assistant,
  toolUse,
  toolResult,
  text,
  image,
  imagePart,
  schema,
  translated,
  messagesOf,
  faultOf,
} from "./translate.ts";

test("a question becomes a chat with the provider's model and a limit in OpenAI's name", () => {
  expect(translated({}).chat).toEqual({
    model: "m",
    messages: [{ role: "user", content: "Hi" }],
    max_completion_tokens: 10,
  });
});

test.each([
  ["gpt-4o-mini", 64_000, 16_384],
  ["openai/gpt-4.1", 64_000, 32_768],
  ["gpt-4-turbo", 32_000, 4_096],
  ["gpt-4o", 16_000, 16_000],
  ["gpt-5.4", 64_000, 64_000],
  ["m", 64_000, 64_000],
])("%s, asked for %i tokens, is asked for what it can write: %i", (model, asked, sent) => {
  const { chat, dropped } = translated({ max_tokens: asked }, { model });
  expect(chat["max_completion_tokens"]).toBe(sent);
  expect(dropped).toEqual(sent < asked ? ["max_tokens"] : []);
});

test("sampling goes along, falsy values too, and nulls do not", () => {
  const { chat, dropped } = translated({
    temperature: 0,
    top_p: 0.5,
    top_k: 40,
    stop_sequences: ["END"],
    metadata: null,
    thinking: null,
  });
  expect(chat).toMatchObject({ temperature: 0, top_p: 0.5, stop: ["END"] });
  expect(chat).not.toHaveProperty("top_k");
  expect(dropped).toEqual(["top_k"]);
  expect(translated({ top_k: 40 }, { traits: { takesTopK: true } }).chat).toHaveProperty(
    "top_k",
    40,
  );
  expect(translated({ stop_sequences: [] }).chat).not.toHaveProperty("stop");
});

test("fields that a chat has no word for are dropped and reported, whatever they are", () => {
  const { chat, dropped } = translated({
    context_management: { edits: [] },
    speed: "fast",
    invented_tomorrow: 1,
    betas: ["x"],
    container: null,
  });
  expect(Object.keys(chat)).toEqual(["model", "messages", "max_completion_tokens"]);
  expect(dropped).toEqual(["context_management", "speed", "invented_tomorrow", "betas"]);
});

test.each([
  ["a string", "Be brief.", "Be brief."],
  ["blocks", [text("Be brief."), text("Be kind.")], "Be brief.\n\nBe kind."],
  [
    "the line of accounting of a coding agent",
    [text("x-anthropic-billing-header: cc_version=2.1; cch=1a2b3;"), text("You code.")],
    "You code.",
  ],
  [
    "the same in one text",
    "x-anthropic-billing-header: cc_version=2.1; cch=1a2b3;\nYou code.\nWell.",
    "You code.\nWell.",
  ],
])("the system prompt as %s is the first message", (_, system, content) => {
  expect(translated({ system }).chat["messages"]).toEqual([
    { role: "system", content },
    { role: "user", content: "Hi" },
  ]);
});

test("no system prompt, or an empty one, makes no message", () => {
  for (const system of [undefined, null, "", []]) {
    expect(translated({ system }).chat["messages"]).toEqual([{ role: "user", content: "Hi" }]);
  }
});

test("a system message in the middle stays where it is", () => {
  const messages = [
    user("a"),
    { role: "system", content: "Stop joking." },
    assistant("b"),
    user("c"),
  ];
  expect(messagesOf(messages)).toEqual(messages);
});

test("tools that come and go in the middle of a conversation are told in words", () => {
  const changes = {
    role: "system",
    content: [
      { type: "tool_addition", tool: { type: "tool_reference", name: "weather" } },
      { type: "tool_removal", tool: { type: "tool_reference", name: "news" } },
    ],
  };
  expect(messagesOf([user("a"), changes])).toEqual([
    user("a"),
    {
      role: "system",
      content: "The tool 'weather' is now available.\n\nThe tool 'news' is no longer available.",
    },
  ]);
  const definition = { type: "tool_definition", definition: { name: "x" } };
  const inline = { role: "system", content: [{ type: "tool_addition", tool: definition }] };
  expect(faultOf({ messages: [user("a"), inline] })).toMatchObject({
    param: "messages[1].content[0].tool",
    status: 400,
  });
});

test("cache_control is kept for a chat that knows it, and dropped and reported for others", () => {
  const cached = { cache_control: { type: "ephemeral" } };
  const request = {
    system: [text("Be brief.", cached)],
    messages: [
      user([text("Hi", cached)]),
      assistant([{ ...toolUse("a"), ...cached }]),
      user([toolResult("a", "fine", cached)]),
    ],
    tools: [{ name: "weather", input_schema: schema, ...cached }],
  };
  const plain = translated(request);
  expect(JSON.stringify(plain.chat)).not.toContain("cache_control");
  expect(plain.dropped).toEqual(["cache_control"]);
  const kept = translated(request, { traits: { takesCacheControl: true } });
  expect(kept.dropped).toEqual([]);
  expect(kept.chat["messages"]).toEqual([
    { role: "system", content: [text("Be brief.", cached)] },
    { role: "user", content: [text("Hi", cached)] },
    {
      role: "assistant",
      content: null,
      tool_calls: [
        { id: "a", type: "function", function: { name: "weather", arguments: "{}" }, ...cached },
      ],
    },
    { role: "tool", tool_call_id: "a", content: "fine", ...cached },
  ]);
  expect(kept.chat["tools"]).toMatchObject([cached]);
});

test("images go by data and by address, in their place among the texts", () => {
  const byUrl = { type: "image", source: { type: "url", url: "https://example.com/a.png" } };
  expect(messagesOf([user([text("One:"), image, text("Two:"), byUrl])])).toEqual([
    user([
      text("One:"),
      imagePart,
      text("Two:"),
      { type: "image_url", image_url: { url: "https://example.com/a.png" } },
    ]),
  ]);
});

test("documents go as files where they are PDFs and as text where they are text", () => {
  const pdf = { type: "base64", media_type: "application/pdf", data: "JVBE" };
  const plain = { type: "text", media_type: "text/plain", data: "All of it." };
  const blocks = { type: "content", content: [text("Part."), image] };
  expect(
    messagesOf([
      user([
        { type: "document", source: pdf, title: "report.pdf", context: "From 2025." },
        { type: "document", source: plain, title: "Notes" },
        { type: "document", source: blocks },
        { type: "search_result", title: "T", source: "https://e.com", content: [text("Found.")] },
      ]),
    ]),
  ).toEqual([
    user([
      text("From 2025."),
      {
        type: "file",
        file: { filename: "report.pdf", file_data: "data:application/pdf;base64,JVBE" },
      },
      text("Notes\n\nAll of it."),
      text("Part."),
      imagePart,
      text("T\nhttps://e.com\nFound."),
    ]),
  ]);
});

test("tool calls and their results: parallel, in order, before what the user adds", () => {
  expect(
    messagesOf([
      user("Weather?"),
      assistant([text("Let me "), text("look."), toolUse("a", { city: "Köln" }), toolUse("b")]),
      user([
        text("And hurry."),
        toolResult("b", [text("rain"), text("wind")]),
        toolResult("a", "no such city", { is_error: true }),
      ]),
      user("Please."),
    ]),
  ).toEqual([
    user("Weather?"),
    {
      role: "assistant",
      content: "Let me look.",
      tool_calls: [
        { id: "a", type: "function", function: { name: "weather", arguments: '{"city":"Köln"}' } },
        { id: "b", type: "function", function: { name: "weather", arguments: "{}" } },
      ],
    },
    { role: "tool", tool_call_id: "b", content: "rain\n\nwind" },
    { role: "tool", tool_call_id: "a", content: "The tool failed:\n\nno such city" },
    user("And hurry.\n\nPlease."),
  ]);
});

test("results in messages of their own are one turn", () => {
  expect(
    messagesOf([
      user("?"),
      assistant([toolUse("a")]),
      assistant([toolUse("b")]),
      user([toolResult("a", "1")]),
      user([toolResult("b")]),
    ]),
  ).toMatchObject([
    { role: "user" },
    { role: "assistant", content: null, tool_calls: [{ id: "a" }, { id: "b" }] },
    { role: "tool", tool_call_id: "a", content: "1" },
    { role: "tool", tool_call_id: "b", content: "" },
  ]);
});

test("an image in a tool's result follows in the user's message, and the result says so", () => {
  expect(
    messagesOf([
      user("?"),
      assistant([toolUse("a")]),
      user([toolResult("a", [text("A chart."), image]), text("What is it?")]),
    ]),
  ).toMatchObject([
    {},
    {},
    {
      role: "tool",
      content: "A chart.\n\n(One attachment of this result follows in the next user message.)",
    },
    user([text("From the result of tool call a:"), imagePart, text("What is it?")]),
  ]);
});

test("a search over tools answers with the names of tools", () => {
  const found = ["a", "b"].map((name) => ({ type: "tool_reference", tool_name: name }));
  expect(
    messagesOf([user("?"), assistant([toolUse("x")]), user([toolResult("x", found)])]),
  ).toMatchObject([
    {},
    {},
    { content: "The tool 'a' is now available.\n\nThe tool 'b' is now available." },
  ]);
});

test("thoughts that others signed are left out", () => {
  expect(
    messagesOf(
      [
        user("?"),
        assistant([
          { type: "thinking", thinking: "Hm.", signature: "EqQBCkYIBBgC" },
          { type: "redacted_thinking", data: "Em8K" },
          text("Yes."),
        ]),
        user("!"),
      ],
      { takesReasoning: true },
    ),
  ).toEqual([user("?"), assistant("Yes."), user("!")]);
});

test("a search over tools that Anthropic ran is left out of the model's turn", () => {
  const searched = [
    { type: "server_tool_use", id: "s", name: "tool_search_tool_regex", input: {} },
    { type: "tool_search_tool_result", tool_use_id: "s", content: {} },
    text("Found."),
  ];
  expect(messagesOf([user("?"), assistant(searched), user("!")])).toEqual([
    user("?"),
    assistant("Found."),
    user("!"),
  ]);
});

test("arguments that were no object go back as the model wrote them", () => {
  const input = { _unparsed_arguments: '{"city": "Kö' };
  expect(
    messagesOf([user("?"), assistant([toolUse("a", input)]), user([toolResult("a", "no")])]),
  ).toMatchObject([{}, { tool_calls: [{ function: { arguments: '{"city": "Kö' } }] }, {}]);
});

test.each(["output_config", "output_format"])("a JSON schema in %s", (place) => {
  const closed = { ...schema, required: ["city"], additionalProperties: false };
  const asked = (given: object): object => {
    const format = { type: "json_schema", schema: given };
    return { [place]: place === "output_config" ? { format } : format };
  };
  const formatOf = (given: object): unknown => translated(asked(given)).chat["response_format"];
  const described = { name: "answer", schema: closed, strict: true };
  expect(formatOf(closed)).toEqual({ type: "json_schema", json_schema: described });
  expect(formatOf(schema)).toMatchObject({ json_schema: { schema, strict: false } });
});

test("the user's id goes along, as a digest where it is too long for OpenAI", () => {
  expect(translated({ metadata: { user_id: "u-1" } }).chat["user"]).toBe("u-1");
  const long = `user_${"0".repeat(64)}_account__session_1`;
  const { user: digest } = translated({ metadata: { user_id: long } }).chat;
  expect(digest).toMatch(/^[0-9a-f]{64}$/);
  expect(translated({ metadata: { user_id: long } }).chat["user"]).toBe(digest);
  expect(translated({ metadata: { user_id: "u", a: 1 } }).dropped).toEqual(["metadata.a"]);
});

test("service tiers", () => {
  expect(translated({ service_tier: "standard_only" }).chat["service_tier"]).toBe("default");
  expect(translated({ service_tier: "auto" }).chat).not.toHaveProperty("service_tier");
});
