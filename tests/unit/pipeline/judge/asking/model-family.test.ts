import { expect, test } from "vitest";

import {
  isSameFamily,
  modelFamily,
} from "../../../../../src/pipeline/judge/asking/model-family.ts";

test("a model's family is read of its name, whoever serves it", () => {
  const names: Readonly<Record<string, string | undefined>> = {
    "gpt-4o-mini": "openai",
    "azure/gpt-4.1": "openai",
    "chatgpt-4o-latest": "openai",
    "o3-mini": "openai",
    "openai/gpt-oss-120b": "openai",
    "claude-sonnet-4-5": "anthropic",
    "us.anthropic.claude-3-5-haiku-20241022-v1:0": "anthropic",
    "models/gemini-2.5-flash": "google",
    "gemma3:27b": "google",
    "mistral-small-latest": "mistral",
    "open-mixtral-8x22b": "mistral",
    "meta-llama/Llama-3.3-70B-Instruct": "meta",
    "codellama:7b": "meta",
    "Qwen/Qwen3-32B": "qwen",
    "qwq-32b": "qwen",
    "deepseek-chat": "deepseek",
    "deepseek-r1-distill-llama-70b": "deepseek",
    "grok-4": "xai",
    "command-r-plus": "cohere",
    "phi-4": "microsoft",
    "amazon.nova-pro-v1:0": "amazon",
    "kimi-k2": "moonshot",
    "my-model": undefined,
    "foo3-mini": undefined,
    turbo1: undefined,
    m: undefined,
    "": undefined,
  };
  const found = Object.keys(names).map((name) => [name, modelFamily(name)]);
  expect(Object.fromEntries(found)).toEqual(names);
});

test("models are of one family only if both are known", () => {
  expect(isSameFamily("gpt-4o", "o3")).toBe(true);
  expect(isSameFamily("gpt-4o", "claude-opus-4")).toBe(false);
  expect(isSameFamily("my-model", "my-model")).toBe(false);
});
