import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { providersFromEnvironment } from "../../../src/config/env-providers.ts";
import { readGateway } from "../../../src/config/read-gateway.ts";
import { parseSettings, variableNames } from "../../../src/config/settings.ts";
import { vendorList } from "../../../src/config/vendors.ts";
import { configurationSchema, schemaPath } from "../../../scripts/make-schemas.ts";

const root = new URL("../../../", import.meta.url);
const read = (name: string) => readFile(new URL(name, root), "utf8");

/** Everything in `.env.example`, as if all its lines counted. */
async function exampleVariables(): Promise<Record<string, string>> {
  const lines = (await read(".env.example")).matchAll(/^#?([A-Z][A-Z0-9_]*)=(.*)$/gm);
  return Object.fromEntries(Array.from(lines, ([, name = "", value = ""]) => [name, value]));
}

const secrets = {
  OPENAI_API_KEY: "o",
  AZURE_OPENAI_API_KEY: "a",
  ANTHROPIC_API_KEY: "c",
  GEMINI_API_KEY: "e",
  MISTRAL_API_KEY: "m",
  GROQ_API_KEY: "g",
  OTHER_API_KEY: "x",
};

const gatewayFrom = (text: string) =>
  readGateway({
    file: { kind: "text", path: "sentinel.example.yaml", text },
    environment: secrets,
    listener: { host: "127.0.0.1", ports: [8000], ownNames: [] },
  });

test("sentinel.schema.json is what the code says", async () => {
  expect(await readFile(schemaPath, "utf8"), "run: npm run schemas").toBe(configurationSchema());
});

test("every field of the schema is described", () => {
  const undescribed: string[] = [];
  const visit = (node: unknown, path: string): void => {
    if (typeof node !== "object" || node === null) return;
    for (const [name, child] of Object.entries(node)) {
      const isField = path.endsWith("/properties");
      if (isField && !("description" in Object(child)) && !("$ref" in Object(child))) {
        undescribed.push(`${path}/${name}`);
      }
      visit(child, `${path}/${name}`);
    }
  };
  visit(JSON.parse(configurationSchema()), "");
  expect(undescribed).toEqual([]);
});

test(".env.example names every variable and shows its default", async () => {
  const variables = await exampleVariables();
  const settings = Object.keys(variables).filter((name) => /^(SENTINEL|OTEL)_/.test(name));
  expect(settings.toSorted()).toEqual(variableNames.toSorted());
  expect(parseSettings(variables).settings).toEqual(parseSettings({}).settings);
});

test(".env.example changes nothing as it is", async () => {
  expect(await read(".env.example")).not.toMatch(/^[^#\n]/m);
});

test(".env.example names the providers' variables and shows their addresses", async () => {
  const variables = await exampleVariables();
  const named = vendorList.flatMap(({ keyVariables, urlVariable }) => [
    ...keyVariables.slice(0, 1),
    urlVariable,
  ]);
  expect(Object.keys(variables)).toEqual(expect.arrayContaining(named));
  const baseUrls = (environment: Record<string, string>) =>
    providersFromEnvironment(environment).providers.map(({ baseUrl }) => baseUrl);
  const hosted = vendorList.filter(({ type }) => type !== "ollama" && type !== "vllm");
  const keys = hosted.flatMap(({ keyVariables }) =>
    keyVariables.map((name) => [name, "k"] as const),
  );
  expect(baseUrls(variables)).toEqual(baseUrls(Object.fromEntries(keys)));
});

test("sentinel.example.yaml is valid as it is, with one key set", async () => {
  const text = await read("sentinel.example.yaml");
  expect(text).toMatch(/^# yaml-language-server: \$schema=\.\/sentinel\.schema\.json\n/);
  expect(gatewayFrom(text)).toMatchObject({ kind: "read", warnings: [] });
});

test("sentinel.example.yaml is valid with all that it has commented out", async () => {
  const text = await read("sentinel.example.yaml");
  const whole = text.replace(/^( +)# (?=[a-z_]+: |- \{)/gm, "$1");
  const reading = gatewayFrom(whole);
  if (reading.kind === "refused") expect.fail(reading.problems.join("\n"));
  expect(reading.gateway.providers.map(({ type }) => type).toSorted()).toEqual([
    "anthropic",
    "azure-openai",
    "demo",
    "google",
    "groq",
    "mistral",
    "ollama",
    "openai",
    "openai-compatible",
    "vllm",
  ]);
  expect(reading.gateway.models[0]?.targets).toHaveLength(2);
});
