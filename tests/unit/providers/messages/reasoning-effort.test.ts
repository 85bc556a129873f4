import { expect, test } from "vitest";

import { schema, translated } from "./translate.ts";

test.each([
  [{ thinking: { type: "enabled", budget_tokens: 1_024 } }, "low"],
  [{ thinking: { type: "enabled", budget_tokens: 10_000 } }, "medium"],
  [{ thinking: { type: "enabled", budget_tokens: 31_999 } }, "high"],
  [{ thinking: { type: "adaptive" } }, "medium"],
  [{ thinking: { type: "adaptive" }, output_config: { effort: "high" } }, "high"],
  [{ output_config: { effort: "low" } }, "low"],
])("%j asks for effort %s", (fields, effort) => {
  const { chat, dropped } = translated(fields, { model: "gpt-5.4" });
  expect(chat["reasoning_effort"]).toBe(effort);
  expect(dropped).toEqual([]);
});

test.each(["gpt-4o", "openai/gpt-4.1-mini", "gpt-5-chat-latest", "gpt-3.5-turbo"])(
  "%s does not think and is not asked to",
  (model) => {
    const fields = { thinking: { type: "adaptive" }, output_config: { effort: "high" } };
    const { chat, dropped } = translated(fields, { model });
    expect(chat).not.toHaveProperty("reasoning_effort");
    expect(dropped).toEqual(["thinking", "output_config.effort"]);
  },
);

test.each([
  ["gpt-5", "xhigh", "high"],
  ["gpt-5-mini", "max", "high"],
  ["gpt-5.1", "max", "high"],
  ["openai/o3", "max", "high"],
  ["openai/gpt-oss-120b", "xhigh", "high"],
  ["gpt-5.1-codex-max", "xhigh", "xhigh"],
  ["gpt-5.1-codex-max", "max", "xhigh"],
  ["gpt-5.2", "max", "xhigh"],
  ["gpt-5.2", "xhigh", "xhigh"],
  ["gpt-5.6-sol", "max", "max"],
  ["deepseek-v4-pro", "max", "max"],
])("%s, asked for effort %s, thinks as hard as it can: %s", (model, asked, taken) => {
  const { chat, dropped } = translated({ output_config: { effort: asked } }, { model });
  expect(chat["reasoning_effort"]).toBe(taken);
  expect(dropped).toEqual(taken === asked ? [] : ["output_config.effort"]);
});

test("models that take tools only where they do not think are told not to", () => {
  const tools = [{ name: "a", input_schema: schema }];
  const asked = { tools, thinking: { type: "adaptive" } };
  for (const model of ["gpt-5.4", "gpt-5.6-terra"]) {
    const { chat, dropped } = translated(asked, { model });
    expect(chat).toMatchObject({ reasoning_effort: "none" });
    expect(dropped).toEqual(["thinking"]);
    expect(translated({ tools }, { model })).toMatchObject({
      chat: { reasoning_effort: "none" },
      dropped: [],
    });
  }
  for (const model of ["gpt-5-mini", "o3", "deepseek-reasoner"]) {
    expect(translated(asked, { model }).chat).toMatchObject({ reasoning_effort: "medium" });
    expect(translated({ tools }, { model }).chat).not.toHaveProperty("reasoning_effort");
  }
});

test("a model that knows no effort is asked for none", () => {
  const { chat, dropped } = translated(
    { thinking: { type: "adaptive" } },
    { traits: { effortModels: /^thinker/ } },
  );
  expect(chat).not.toHaveProperty("reasoning_effort");
  expect(dropped).toEqual(["thinking"]);
});

test("thinking that is turned off is reported as nothing that can be turned off", () => {
  const { chat, dropped } = translated({
    thinking: { type: "disabled" },
    output_config: { effort: "high" },
  });
  expect(chat).not.toHaveProperty("reasoning_effort");
  expect(dropped).toEqual(["thinking", "output_config.effort"]);
});
