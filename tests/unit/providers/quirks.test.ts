import { readFile, readdir } from "node:fs/promises";
import { expect, test } from "vitest";

import { quirksFor, quirksOf } from "../../../src/providers/openai-compatible/vendor-quirks.ts";
import type { CompatibleType } from "../../../src/providers/openai-compatible/vendor-quirks.ts";

test.each<[string, CompatibleType]>([
  ["https://api.groq.com/openai/v1", "groq"],
  ["https://api.deepseek.com/beta", "deepseek"],
  ["https://openrouter.ai/api/v1", "openrouter"],
  ["https://api.openai.com/v1", "openai"],
  ["https://api.mistral.ai:443/v1", "mistral"],
  ["https://api.groq.com.example.com/v1", "openai-compatible"],
  ["http://127.0.0.1:8000/v1", "openai-compatible"],
])("a provider that is only compatible, at %s, has the quirks of %s", (baseUrl, vendor) => {
  expect(quirksFor({ type: "openai-compatible", baseUrl })).toBe(quirksOf[vendor]);
});

test("a provider of a vendor's type has that vendor's quirks wherever it is", () => {
  expect(quirksFor({ type: "mistral", baseUrl: "https://api.groq.com" })).toBe(quirksOf.mistral);
});

test("what shared code does is driven by data: it names no vendor outside its comments", async () => {
  const folder = new URL("../../../src/providers/openai-compatible/", import.meta.url);
  const shared = (await readdir(folder)).filter((name) => name !== "vendor-quirks.ts");
  const texts = await Promise.all(shared.map((name) => readFile(new URL(name, folder), "utf8")));
  const code = texts.join("\n").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
  const vendors = /azure|mistral|groq|together|deepseek|openrouter|\bxai\b|ollama|vllm/i;
  expect(code.split("\n").filter((line) => vendors.test(line))).toEqual([]);
});
