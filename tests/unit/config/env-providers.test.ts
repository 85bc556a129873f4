import { expect, test } from "vitest";
import { providersFromEnvironment } from "../../../src/config/env-providers.ts";
import { vendorList } from "../../../src/config/vendors.ts";

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

test("a key alone is enough for every vendor whose address is known", () => {
  const keys = vendorList.flatMap(({ keyVariables, urlVariable }) =>
    urlVariable === "VLLM_BASE_URL" ? [] : keyVariables.slice(0, 1),
  );
  expect(summary(Object.fromEntries(keys.map((name) => [name, "k"])))).toEqual([
    "openai openai https://api.openai.com/v1 k",
    "anthropic anthropic https://api.anthropic.com/v1 k",
    "google google https://generativelanguage.googleapis.com/v1beta k",
    "mistral mistral https://api.mistral.ai/v1 k",
    "groq groq https://api.groq.com/openai/v1 k",
    "together together https://api.together.xyz/v1 k",
    "deepseek deepseek https://api.deepseek.com k",
    "openrouter openrouter https://openrouter.ai/api/v1 k",
    "xai xai https://api.x.ai/v1 k",
  ]);
});

test("Anthropic's and Google's base URLs are written as their own SDKs take them", () => {
  expect(
    summary({
      ANTHROPIC_BASE_URL: "https://proxy.example.com/anthropic/",
      GEMINI_BASE_URL: "https://proxy.example.com",
    }),
  ).toEqual([
    "anthropic anthropic https://proxy.example.com/anthropic/v1 ",
    "google google https://proxy.example.com/v1beta ",
  ]);
  expect(
    summary({
      ANTHROPIC_BASE_URL: "https://proxy.example.com/v1",
      GEMINI_BASE_URL: "https://proxy.example.com/google/v1alpha",
    }),
  ).toEqual([
    "anthropic anthropic https://proxy.example.com/v1 ",
    "google google https://proxy.example.com/google/v1alpha ",
  ]);
});

test("GOOGLE_API_KEY counts where GEMINI_API_KEY is not set", () => {
  expect(summary({ GOOGLE_API_KEY: "old" })).toEqual([expect.stringMatching(/ old$/)]);
  expect(summary({ GOOGLE_API_KEY: "old", GEMINI_API_KEY: "new" })).toEqual([
    expect.stringMatching(/ new$/),
  ]);
  expect(providersFromEnvironment({ GOOGLE_API_KEY: "a b" }).problems).toEqual([
    expect.stringMatching(/^GOOGLE_API_KEY must be/),
  ]);
});

test("a key of no use is warned of", () => {
  const { providers, warnings } = providersFromEnvironment({ VLLM_API_KEY: "v" });
  expect(providers.map(({ name }) => name)).toEqual(["demo"]);
  expect(warnings).toEqual(["VLLM_API_KEY has no effect without VLLM_BASE_URL."]);
});
