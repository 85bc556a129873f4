import { describe, expect, test } from "vitest";

import { providersFromEnvironment } from "../../../src/config/env-providers.ts";
import { readGateway } from "../../../src/config/read-gateway.ts";
import { choiceNames, choiceOf } from "../../../scripts/switch-llm/choices.ts";
import type { ChoiceName } from "../../../scripts/switch-llm/choices.ts";
import { editConfig } from "../../../scripts/switch-llm/edit-config.ts";

const keys = {
  OPENAI_API_KEY: "o",
  ANTHROPIC_API_KEY: "a",
  GEMINI_API_KEY: "g",
  MISTRAL_API_KEY: "m",
};

const edit = (
  text: string,
  name: ChoiceName,
  environment: Record<string, string> = keys,
  replacesChains = false,
) => {
  const choice = choiceOf(name, environment);
  const environmentProviders = providersFromEnvironment(environment).providers;
  const { models } = choice;
  return editConfig(text, { choice, models, environment, environmentProviders, replacesChains });
};

/** What serves an alias, as the gateway reads the file. */
const servedBy = (text: string, alias: string, environment: Record<string, string> = keys) => {
  const file = { kind: "text", path: "s.yaml", text } as const;
  const reading = readGateway({ file, environment, listener: undefined });
  if (reading.kind === "refused") expect.fail(reading.problems.join("\n"));
  const targets = reading.gateway.models.find((model) => model.alias === alias)?.targets ?? [];
  return targets.map(({ provider, model }) => `${provider}/${model}`);
};

const mine = `# My gateway
providers:
  openai: # paid by the team
    type: openai
    api_keys:   ["\${OPENAI_API_KEY}"]    # the only one

models:
  # The quick one
  fast:
    retries: 1
    targets:
      - { provider: openai, model: gpt-4o-mini }   # cheap
  own-name:
    targets: [{ provider: openai, model: gpt-4o }]

defaults: { retries: 3 } # enough
`;

test("a switch keeps comments, spacing and everything that is not its own", () => {
  const { text, providerName } = edit(mine, "claude");
  expect(providerName).toBe("claude");
  expect(servedBy(text, "fast")).toEqual(["claude/claude-haiku-5-5"]);
  expect(servedBy(text, "default")).toEqual(["claude/claude-sonnet-5-5"]);
  expect(servedBy(text, "own-name")).toEqual(["openai/gpt-4o"]);
  const lost = mine.split("\n").filter((line) => !text.split("\n").includes(line));
  expect(lost).toEqual([
    "  openai: # paid by the team",
    "      - { provider: openai, model: gpt-4o-mini }   # cheap",
    "defaults: { retries: 3 } # enough",
  ]);
  for (const comment of ["# paid by the team", "# cheap", "# enough"])
    expect(text).toContain(comment);
  expect(text).toContain("{ retries: 3, provider: claude } # enough");
});

test.each(choiceNames)("%s, chosen twice, changes nothing the second time", (name) => {
  for (const start of ["", mine]) {
    const once = edit(start, name).text;
    expect(edit(once, name).text).toBe(once);
  }
});

test("there and back again is where it was, but for what was added", () => {
  const there = edit(mine, "google").text;
  const back = edit(edit(there, "openai").text, "google").text;
  expect(back).toBe(there);
});

test.each(choiceNames)("what is made from nothing for %s is a valid file", (name) => {
  const { text, providerName } = edit("", name);
  for (const alias of ["default", "fast", "smart"]) {
    expect(servedBy(text, alias)).toEqual([expect.stringMatching(`^${providerName}/`)]);
  }
  expect(text).toMatch(/^# Made by/);
});

test("the environment's providers stay in use: the file then names none", () => {
  const { text, providerName } = edit("", "claude");
  expect(providerName).toBe("anthropic");
  expect(text).not.toContain("providers:");
});

test("where the file has to name one, it names those of the environment too", () => {
  const { text } = edit("", "local", {
    OPENAI_API_KEY: "o",
    OPENAI_BASE_URL: "http://10.0.0.1/v1",
  });
  expect(text).toContain(
    '  openai: { type: openai, base_url: "${OPENAI_BASE_URL}", api_keys: ["${OPENAI_API_KEY}"] }\n',
  );
  expect(text).toContain("  local: { type: ollama }\n");
  expect(text).not.toContain("10.0.0.1");
});

test("a name that is taken by another type is not taken away", () => {
  const text = edit("providers:\n  claude: { type: openai, api_keys: [k] } # odd\n", "claude").text;
  expect(text).toContain("claude: { type: openai, api_keys: [k] } # odd\n");
  expect(servedBy(text, "default")).toEqual(["claude-2/claude-sonnet-5-5"]);
});

describe("an alias with several targets", () => {
  const chain = `providers:
  a: { type: openai, api_keys: [k] }
  b: { type: mistral, api_keys: [k] }
models:
  fast:
    strategy: weighted
    targets:
      - { provider: a, model: x, weight: 2 }
      - { provider: b, model: y }
`;

  test("is left alone, and named", () => {
    const { text, leftAlone } = edit(chain, "mistral");
    expect(leftAlone).toEqual(["fast"]);
    expect(servedBy(text, "fast")).toEqual(["a/x", "b/y"]);
    expect(servedBy(text, "smart")).toEqual(["b/mistral-medium-latest"]);
  });

  test("is replaced if that is asked for", () => {
    const { text, leftAlone } = edit(chain, "mistral", keys, true);
    expect(leftAlone).toEqual([]);
    expect(servedBy(text, "fast")).toEqual(["b/mistral-small-latest"]);
  });
});

test.each([
  ["a list", "- a\n"],
  ["anchors in its place", "x: &m { a: { targets: [] } }\nmodels: *m\n"],
  ["no YAML", "a: [\n"],
])("a file with %s is not changed", (_, text) => {
  expect(() => edit(text, "openai")).toThrow(/the file|models/);
});

test("vLLM is local where only its variable is set", () => {
  const environment = { VLLM_BASE_URL: "http://127.0.0.1:8001/v1" };
  expect(choiceOf("local", environment).type).toBe("vllm");
  expect(choiceOf("local", {}).type).toBe("ollama");
});
