import { expect, test } from "vitest";

import { traitsOf } from "../../../../src/providers/anthropic/model-traits.ts";

/** (https://platform.claude.com/docs/en/about-claude/models/overview, read 2026-11-21) */
test.each([
  ["claude-3-haiku-20240307", 4_096],
  ["claude-3-opus-latest", 4_096],
  ["claude-3-5-sonnet-20241022", 8_192],
  ["claude-3.5-haiku", 8_192],
  ["claude-3-7-sonnet-20250219", 64_000],
  ["claude-opus-4-20250514", 32_000],
  ["claude-opus-4-1-20250805", 32_000],
  ["claude-sonnet-4-0", 64_000],
  ["claude-opus-4-5-20251101", 64_000],
  ["claude-haiku-4-5@20251001", 64_000],
  ["anthropic.claude-opus-4-6-v1", 128_000],
  ["claude-sonnet-5-5", 128_000],
  ["claude-opus-7-20280101", 128_000],
  ["claude-fable-latest", 128_000],
  ["some-other-model", 8_192],
])("%s writes up to %i tokens where the client says nothing", (model, maxTokens) => {
  expect(traitsOf(model).maxTokensDefault).toBe(maxTokens);
});

test.each([
  ["claude-3-5-sonnet-20241022", "none", "silence"],
  ["claude-sonnet-4-5-20250929", "budget", "silence"],
  ["claude-sonnet-4-6", "adaptive", "silence"],
  ["claude-opus-4-8", "adaptive", "silence"],
  ["claude-sonnet-5", "adaptive", "disabled"],
  ["claude-opus-5", "adaptive", "disabled"],
  ["claude-opus-5-5", "adaptive", "impossible"],
  ["claude-sonnet-5-5", "adaptive", "between_tools"],
  ["claude-haiku-5-5", "adaptive", "disabled"],
  ["claude-fable-5", "adaptive", "impossible"],
  ["claude-mythos-preview", "adaptive", "impossible"],
])("%s thinks: %s, and is told not to by: %s", (model, thinking, noThinking) => {
  expect(traitsOf(model)).toMatchObject({ thinking, noThinking });
});

test.each([
  ["claude-sonnet-4-5", true],
  ["claude-opus-4-6", true],
  ["claude-opus-4-7", false],
  ["claude-haiku-5-5", false],
])("%s takes sampling parameters: %s", (model, takesSampling) => {
  expect(traitsOf(model).takesSampling).toBe(takesSampling);
});

test.each([
  ["claude-opus-5", true],
  ["claude-opus-5-5", false],
  ["claude-sonnet-5", true],
  ["claude-sonnet-5-5", false],
  ["claude-haiku-5-5", true],
  ["claude-fable-5", true],
  ["claude-fable-5-1", false],
  ["claude-mythos-5-2", false],
])("%s can be made to call a tool: %s", (model, takesForcedTools) => {
  expect(traitsOf(model).takesForcedTools).toBe(takesForcedTools);
});
