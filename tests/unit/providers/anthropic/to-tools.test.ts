import { expect, test } from "vitest";

import {
  assistant,
  callTo,
  fn,
  refusalOf,
  result,
  user,
  write,
} from "../../../fixtures/anthropic/write.ts";

const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };

test("functions become tools", () => {
  const mark = { cache_control: { type: "ephemeral" } };
  const { body } = write({
    tools: [
      fn("f", { description: "Does", parameters }),
      { ...fn("g"), ...mark },
      fn("h", { parameters: { properties: {} }, ...mark }),
    ],
  });
  expect(body["tools"]).toEqual([
    { name: "f", description: "Does", input_schema: parameters },
    { name: "g", input_schema: { type: "object", properties: {} }, ...mark },
    { name: "h", input_schema: { type: "object", properties: {} }, ...mark },
  ]);
  expect(body).not.toHaveProperty("tool_choice");
});

test.each([
  [
    "an object of any keys",
    { labels: { type: "object", additionalProperties: { type: "string" } } },
  ],
  ["an object that holds itself", { child: { $ref: "#" } }],
])("a strict function with %s keeps its schema, and is not strict", (_what, properties) => {
  const parameters = { type: "object", properties, additionalProperties: false };
  const { body, dropped } = write({ tools: [fn("f", { strict: true, parameters })] });
  expect(body["tools"]).toEqual([{ name: "f", input_schema: parameters }]);
  expect(dropped).toEqual(["tools.function.strict"]);
});

test("a strict function is strict where the model knows that, with a schema that it takes", () => {
  const strict = fn("f", {
    strict: true,
    parameters: { type: "object", properties: { n: { type: "integer", minimum: 1 } } },
  });
  expect(write({ tools: [strict] }).body["tools"]).toEqual([
    {
      name: "f",
      strict: true,
      input_schema: {
        type: "object",
        properties: { n: { type: "integer", description: "{minimum: 1}" } },
        additionalProperties: false,
      },
    },
  ]);
  const older = write({ model: "claude-sonnet-4-0", tools: [strict] });
  expect(older.body["tools"]).toMatchObject([
    { input_schema: { properties: { n: { minimum: 1 } } } },
  ]);
  expect(older.dropped).toEqual(["tools.function.strict"]);
});

test("Anthropic's own tools go on as they are, OpenAI's custom tools are refused", () => {
  const search = { type: "web_search_20250305", name: "web_search", max_uses: 2 };
  expect(write({ tools: [search, fn("f")] }).body["tools"]).toMatchObject([search, { name: "f" }]);
  expect(refusalOf({ tools: [{ type: "custom", custom: { name: "c" } }] }).param).toBe("tools[0]");
});

test.each([
  [undefined, undefined],
  ["auto", { type: "auto" }],
  ["required", { type: "any" }],
  ["none", { type: "none" }],
  [fn("g"), { type: "tool", name: "g" }],
  [
    { type: "tool", name: "f" },
    { type: "tool", name: "f" },
  ],
  [
    { type: "any", disable_parallel_tool_use: true },
    { type: "any", disable_parallel_tool_use: true },
  ],
])("tool_choice %j is %j", (choice, expected) => {
  const { body } = write({ tools: [fn("f"), fn("g")], tool_choice: choice });
  expect(body["tool_choice"]).toEqual(expected);
});

test("only the tools that are allowed are offered", () => {
  const allowed = { mode: "required", tools: [fn("g")] };
  const { body } = write({
    tools: [fn("f"), fn("g")],
    tool_choice: { type: "allowed_tools", allowed_tools: allowed },
  });
  expect(body).toMatchObject({ tools: [{ name: "g" }], tool_choice: { type: "any" } });
});

test("one call at a time, if that is asked for", () => {
  const tools = [fn("f")];
  expect(write({ tools, parallel_tool_calls: false }).body["tool_choice"]).toEqual({
    type: "auto",
    disable_parallel_tool_use: true,
  });
  expect(write({ tools, parallel_tool_calls: true }).body).not.toHaveProperty("tool_choice");
  const none = write({ tools, parallel_tool_calls: false, tool_choice: "none" });
  expect(none.body["tool_choice"]).toEqual({ type: "none" });
});

test("a choice without its tool is refused", () => {
  expect(refusalOf({ tool_choice: "required" }).param).toBe("tool_choice");
  expect(refusalOf({ tools: [fn("f")], tool_choice: fn("g") }).param).toBe("tool_choice");
  expect(refusalOf({ tools: [fn("f")], tool_choice: "some" }).param).toBe("tool_choice");
  expect(write({ tools: [], tool_choice: "auto" }).body).not.toHaveProperty("tools");
});

test("models that cannot be made to call a tool are asked to, which is reported", () => {
  const { body, dropped } = write({
    model: "claude-opus-5-5",
    tools: [fn("f")],
    tool_choice: "required",
  });
  expect(body).not.toHaveProperty("tool_choice");
  expect(dropped).toEqual(["tool_choice"]);
});

test("a single call is asked for as a single one all the same", () => {
  const { body } = write({
    model: "claude-opus-5-5",
    tools: [fn("f")],
    tool_choice: { type: "tool", name: "f", disable_parallel_tool_use: true },
  });
  expect(body["tool_choice"]).toEqual({ type: "auto", disable_parallel_tool_use: true });
});

test("calls in the history keep their tools, which may not be called again", () => {
  const { body } = write({
    messages: [
      user("Hi"),
      assistant(null, { tool_calls: [callTo("call_a", "f", "{}")] }),
      result("call_a", "ok"),
    ],
  });
  expect(body["tools"]).toMatchObject([{ name: "f" }]);
  expect(body["tool_choice"]).toEqual({ type: "none" });
});
