import { expect, test } from "vitest";

import { user, assistant, toolUse, toolResult, schema, translated } from "./translate.ts";
import type { Translated } from "./translate.ts";

test("tools keep name, description and schema; what only Anthropic reads is reported", () => {
  const { chat, dropped } = translated({
    tools: [
      { name: "a", description: "Does a.", input_schema: schema, defer_loading: true },
      { type: "custom", name: "b", input_schema: { type: "object" }, input_examples: [{}] },
      { type: "tool_search_tool_regex_20251119", name: "tool_search_tool_regex" },
    ],
  });
  expect(chat["tools"]).toEqual([
    { type: "function", function: { name: "a", description: "Does a.", parameters: schema } },
    { type: "function", function: { name: "b", parameters: { type: "object", properties: {} } } },
  ]);
  expect(dropped).toEqual([
    "tools.defer_loading",
    "tools.input_examples",
    "tool_search_tool_regex_20251119",
  ]);
});

test("a tool without input has the empty properties that OpenAI demands", () => {
  const $schema = "http://json-schema.org/draft-07/schema#";
  const { chat } = translated({
    tools: [{ name: "a", input_schema: { $schema, type: "object" } }],
  });
  expect(chat["tools"]).toEqual([
    {
      type: "function",
      function: { name: "a", parameters: { $schema, type: "object", properties: {} } },
    },
  ]);
});

test("a strict tool is strict where OpenAI can be", () => {
  const closed = { ...schema, required: ["city"], additionalProperties: false };
  const strict = (input: object): Translated =>
    translated({ tools: [{ name: "a", input_schema: input, strict: true }] });
  expect(strict(closed).chat["tools"]).toMatchObject([{ function: { strict: true } }]);
  expect(strict(schema).chat["tools"]).not.toMatchObject([{ function: { strict: true } }]);
  expect(strict(schema).dropped).toEqual(["tools.strict"]);
  const nested = { ...closed, properties: { city: { type: "array", items: schema } } };
  expect(strict(nested).dropped).toEqual(["tools.strict"]);
});

test("names of tools that are too long for OpenAI are shortened alike everywhere", () => {
  const name = `mcp__${"server".repeat(10)}__tool`;
  const { chat } = translated({
    tools: [{ name, input_schema: schema }],
    tool_choice: { type: "tool", name },
    messages: [user("?"), assistant([{ ...toolUse("a"), name }]), user([toolResult("a", "")])],
  });
  const [tool] = chat["tools"] as { function: { name: string } }[];
  const short = tool?.function.name ?? "";
  expect(short).toMatch(/^[\w-]{64}$/);
  expect(chat["tool_choice"]).toEqual({ type: "function", function: { name: short } });
  expect(chat["messages"]).toMatchObject([
    {},
    { tool_calls: [{ function: { name: short } }] },
    { role: "tool" },
  ]);
});

test.each([
  [{ type: "auto" }, { tool_choice: "auto" }],
  [{ type: "any" }, { tool_choice: "required" }],
  [{ type: "none" }, { tool_choice: "none" }],
  [{ type: "tool", name: "a" }, { tool_choice: { type: "function", function: { name: "a" } } }],
  [
    { type: "auto", disable_parallel_tool_use: true },
    { tool_choice: "auto", parallel_tool_calls: false },
  ],
  [{ type: "any", disable_parallel_tool_use: false }, { tool_choice: "required" }],
])("tool_choice %j", (choice, expected) => {
  const tools = [{ name: "a", input_schema: schema }];
  const { chat } = translated({ tools, tool_choice: choice });
  expect(chat).toMatchObject(expected);
  expect("parallel_tool_calls" in chat).toBe("parallel_tool_calls" in expected);
  // OpenAI refuses a choice without tools.
  expect(translated({ tools: [], tool_choice: choice }).chat).not.toHaveProperty("tool_choice");
});
