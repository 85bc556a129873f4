import { expect, test } from "vitest";
import { providersFromEnvironment } from "../../../src/config/env-providers.ts";

const summary = (environment: Record<string, string>) =>
  providersFromEnvironment(environment).providers.map(
    ({ name, type, baseUrl, apiKeys }) => `${name} ${type} ${baseUrl} ${apiKeys.join()}`,
  );

test("a key alone is enough, where the address is known", () => {
  expect(summary({ OPENAI_API_KEY: "sk-o", MISTRAL_API_KEY: " m " })).toEqual([
    "openai openai https://api.openai.com/v1 sk-o",
    "mistral mistral https://api.mistral.ai/v1 m",
  ]);
});

test("an address alone is enough, for servers that want no key", () => {
  expect(
    summary({
      OPENAI_BASE_URL: "http://127.0.0.1:9000",
      OLLAMA_BASE_URL: "http://127.0.0.1:11434",
      VLLM_BASE_URL: "http://gpu:8001/v1/",
    }),
  ).toEqual([
    "openai openai http://127.0.0.1:9000/v1 ",
    "ollama ollama http://127.0.0.1:11434/v1 ",
    "vllm vllm http://gpu:8001/v1 ",
  ]);
});

test("with nothing set the demo answers", () => {
  expect(summary({ OPENAI_API_KEY: "  " })).toEqual(["demo demo  "]);
});

test("a bad URL is a problem that names its variable, and does not bring the demo", () => {
  const { providers, problems } = providersFromEnvironment({ OLLAMA_BASE_URL: "127.0.0.1:11434" });
  expect(providers).toEqual([]);
  expect(problems).toEqual([expect.stringMatching(/^OLLAMA_BASE_URL must be a URL/)]);
});

test("a key that cannot travel in a header is a problem that does not show it", () => {
  const { problems } = providersFromEnvironment({ MISTRAL_API_KEY: "secret word" });
  expect(problems).toEqual([expect.stringMatching(/^MISTRAL_API_KEY must be an API key/)]);
  expect(problems.join()).not.toContain("secret");
});

test("one of Sentinel's own keys does not go to OpenAI, but may go to another Sentinel", () => {
  const key = { OPENAI_API_KEY: "sk-sentinel-abc-def" };
  expect(providersFromEnvironment(key).problems).toEqual([
    expect.stringContaining("OPENAI_API_KEY holds one of Sentinel's own keys"),
  ]);
  expect(summary({ ...key, OPENAI_BASE_URL: "https://gateway.example.com" })).toHaveLength(1);
});

test("variables of no use yet are warned of", () => {
  const { providers, warnings } = providersFromEnvironment({
    ANTHROPIC_API_KEY: "a",
    GEMINI_API_KEY: "g",
    VLLM_API_KEY: "v",
  });
  expect(providers.map(({ name }) => name)).toEqual(["demo"]);
  expect(warnings).toEqual([
    "VLLM_API_KEY has no effect without VLLM_BASE_URL.",
    expect.stringContaining("ANTHROPIC_API_KEY"),
    expect.stringContaining("GEMINI_API_KEY"),
  ]);
});
