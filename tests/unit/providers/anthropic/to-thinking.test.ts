import { expect, test } from "vitest";

import { thought } from "../../../fixtures/anthropic/messages.ts";
import type { Json } from "../../../fixtures/anthropic/messages.ts";
import { assistant, callTo, fn, result, user, write } from "../../../fixtures/anthropic/write.ts";

test.each(["max_completion_tokens", "max_tokens"])(
  "%s covers thoughts and answer, and is never exceeded",
  (field) => {
    const limitsAndBudgets = [
      [50_000, 16_384],
      [10_000, 5_000],
      [1_300, 1_024],
    ] as const;
    for (const [limit, budget] of limitsAndBudgets) {
      const { body } = write({ reasoning_effort: "high", [field]: limit });
      expect(body["max_tokens"]).toBe(limit);
      expect(body["thinking"]).toEqual({ type: "enabled", budget_tokens: budget });
    }
  },
);

test("a limit that leaves no room for thoughts turns them off, which is reported", () => {
  const { body, dropped } = write({ reasoning_effort: "low", max_completion_tokens: 1_000 });
  expect(body["max_tokens"]).toBe(1_000);
  expect(body).not.toHaveProperty("thinking");
  expect(dropped).toEqual(["reasoning_effort"]);
});

test.each(["minimal", "low", "medium", "high", "xhigh"])(
  "effort %s leaves room for an answer even on a model that writes little",
  (effort) => {
    const { body } = write({ model: "claude-opus-4-1", reasoning_effort: effort });
    const { budget_tokens: budget } = body["thinking"] as { budget_tokens: number };
    expect(budget).toBeGreaterThanOrEqual(1_024);
    expect(body["max_tokens"]).toBeGreaterThan(budget);
    expect(body["max_tokens"]).toBeLessThanOrEqual(32_000);
  },
);

test.each([
  ["claude-sonnet-4-6", "minimal", { type: "adaptive" }, "low"],
  ["claude-sonnet-4-6", "xhigh", { type: "adaptive" }, "max"],
  ["claude-opus-4-8", "xhigh", { type: "adaptive", display: "summarized" }, "xhigh"],
  ["claude-opus-5-5", "medium", { type: "adaptive", display: "summarized" }, "medium"],
  ["claude-opus-5", "none", { type: "disabled" }, undefined],
  ["claude-sonnet-5-5", "none", { type: "between_tools" }, undefined],
  ["claude-opus-5-5", "none", undefined, "low"],
  ["claude-opus-4-8", "none", undefined, undefined],
  ["claude-sonnet-4-5", "none", undefined, undefined],
])("%s thinks with effort %s as %j and %s", (name, effort, thinking, outputEffort) => {
  const { body } = write({ model: name, reasoning_effort: effort });
  expect(body["thinking"]).toEqual(thinking);
  expect(body["output_config"]).toEqual(outputEffort && { effort: outputEffort });
});

test("a model that does not think is not asked to", () => {
  const { body, dropped } = write({
    model: "claude-3-5-haiku-20241022",
    reasoning_effort: "high",
    messages: [user("Hi"), assistant("Ho", { thinking_blocks: [thought] }), user("Well")],
  });
  expect(body).not.toHaveProperty("thinking");
  expect(dropped).toEqual(["reasoning_effort"]);
  expect(JSON.stringify(body)).not.toContain("signature");
});

test("beside thinking there is no temperature but 1", () => {
  const { body, dropped } = write({
    reasoning_effort: "low",
    temperature: 0.3,
    top_p: 0.5,
    top_k: 3,
  });
  for (const name of ["temperature", "top_p", "top_k"]) expect(body).not.toHaveProperty(name);
  expect(dropped).toEqual(["temperature", "top_p", "top_k"]);
  expect(write({ reasoning_effort: "low", temperature: 2 }).body["temperature"]).toBe(1);
  expect(write({ reasoning_effort: "low", top_p: 0.97 }).body["top_p"]).toBe(0.97);
});

const loop = (blocks: Json): Json[] => [
  user("Weather?"),
  assistant(null, { ...blocks, tool_calls: [callTo("call_a", "f", "{}")] }),
  result("call_a", "sunny"),
];

test("a tool loop whose thoughts came back goes on thinking", () => {
  const messages = [
    ...loop({ thinking_blocks: [thought] }),
    assistant(null, { tool_calls: [callTo("call_b", "f", "{}")] }),
    result("call_b", "rainy"),
  ];
  const { body, dropped } = write({ messages, tools: [fn("f")], reasoning_effort: "low" });
  expect(body["thinking"]).toMatchObject({ type: "enabled" });
  expect(dropped).toEqual([]);
});

test("a tool loop whose thoughts were lost goes on without thinking, which is reported", () => {
  const messages = loop({ reasoning_content: "hm" });
  const { body, dropped } = write({ messages, tools: [fn("f")], reasoning_effort: "low" });
  expect(body).not.toHaveProperty("thinking");
  expect(dropped).toEqual(["reasoning_effort"]);
  const native = { thinking: { type: "enabled", budget_tokens: 2_000 } };
  expect(write({ messages, tools: [fn("f")], ...native }).dropped).toEqual(["thinking"]);
});

test("a loop that is over does not matter", () => {
  const messages = [...loop({}), assistant("Sunny."), user("Thanks")];
  const { body } = write({ messages, tools: [fn("f")], reasoning_effort: "low" });
  expect(body["thinking"]).toMatchObject({ type: "enabled" });
});

test("models that think as they see fit do not mind", () => {
  const { body } = write({
    model: "claude-sonnet-4-6",
    messages: loop({}),
    tools: [fn("f")],
    reasoning_effort: "low",
  });
  expect(body["thinking"]).toEqual({ type: "adaptive" });
});

test("a tool that must be called wins over thinking", () => {
  const { body, dropped } = write({
    tools: [fn("f")],
    tool_choice: "required",
    reasoning_effort: "low",
    temperature: 0.3,
  });
  expect(body).toMatchObject({ tool_choice: { type: "any" }, temperature: 0.3 });
  expect(body).not.toHaveProperty("thinking");
  expect(dropped).toEqual(["reasoning_effort"]);
});

test("Anthropic's own field says more than the effort", () => {
  const thinking = { type: "enabled", budget_tokens: 3_000 };
  const { body, dropped } = write({ thinking, reasoning_effort: "high", max_tokens: 100 });
  expect(body).toMatchObject({ thinking, max_tokens: 3_100 });
  expect(dropped).toEqual(["reasoning_effort"]);
  const adaptive = { model: "claude-opus-4-8", thinking: { type: "adaptive" } };
  expect(write({ ...adaptive, reasoning_effort: "high" }).body).toMatchObject({
    thinking: { type: "adaptive" },
    output_config: { effort: "high" },
  });
});
