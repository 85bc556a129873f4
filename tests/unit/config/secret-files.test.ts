import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { ConfigurationError } from "../../../src/config/configuration-error.ts";
import { loadConfiguration, loadSettings, reloadGateway } from "../../../src/config/load.ts";
import { secretNames } from "../../../src/config/settings.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const adminToken = "admin-token-of-32-characters-000";

async function folderWith(files: Readonly<Record<string, string | Uint8Array>>) {
  const folder = await tempFolder();
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text);
  return folder;
}

async function problemsOf(environment: Record<string, string>): Promise<readonly string[]> {
  const error: unknown = await loadConfiguration(environment).then(
    () => new Error("it was accepted"),
    (reason: unknown) => reason,
  );
  if (error instanceof ConfigurationError) return error.problems;
  throw error;
}

test("a secret may be in a file, whose last line break is not part of it", async () => {
  await using folder = await folderWith({ admin: `${adminToken}\n`, openai: "sk-from-a-file\r\n" });
  const { settings, gateway, warnings } = await loadConfiguration({
    SENTINEL_ADMIN_TOKEN_FILE: join(folder.path, "admin"),
    OPENAI_API_KEY_FILE: join(folder.path, "openai"),
  });
  expect(settings.adminToken).toBe(adminToken);
  expect(gateway.providers).toMatchObject([{ name: "openai", apiKeys: ["sk-from-a-file"] }]);
  expect(warnings).toEqual([]);
});

const valueOf = (name: string): string => {
  if (name.includes("REDIS")) return "redis://:secret@store:6379";
  if (name.endsWith("HEADERS")) return "authorization=secret";
  return /URL|ENDPOINT/.test(name) ? "https://hooks.example.com/budgets" : "b".repeat(40);
};

test.each(secretNames)("%s may be in a file", async (name) => {
  await using folder = await folderWith({ secret: valueOf(name) });
  const settings = loadSettings({ [`${name}_FILE`]: join(folder.path, "secret") });
  expect(settings).toEqual(loadSettings({ [name]: valueOf(name) }));
});

test("what sentinel.yaml uses may be in files too, and is read again at a reload", async () => {
  await using folder = await folderWith({ key: "first-key" });
  const config = join(folder.path, "sentinel.yaml");
  await writeFile(config, 'providers: { a: { type: openai, api_keys: ["${TEAM_KEY}"] } }');
  const environment = { SENTINEL_CONFIG: config, TEAM_KEY_FILE: join(folder.path, "key") };
  const { settings, gateway } = await loadConfiguration(environment);
  expect(gateway.providers).toMatchObject([{ apiKeys: ["first-key"] }]);
  await writeFile(join(folder.path, "key"), "second-key");
  const reloaded = await reloadGateway(settings, environment);
  expect(reloaded.gateway.providers).toMatchObject([{ apiKeys: ["second-key"] }]);
});

test("every file that cannot be used is a problem that names its variable, and shows no secret", async () => {
  await using folder = await folderWith({
    admin: "a secret with spaces",
    empty: "\n",
    large: "s".repeat(70_000),
    binary: Uint8Array.of(0xff, 0xfe),
  });
  const at = (name: string): string => join(folder.path, name);
  const problems = await problemsOf({
    SENTINEL_ADMIN_TOKEN_FILE: at("admin"),
    SENTINEL_DEFAULT_KEY_FILE: at("missing"),
    SENTINEL_MASTER_KEY_FILE: folder.path,
    OPENAI_API_KEY_FILE: at("empty"),
    MISTRAL_API_KEY_FILE: at("large"),
    GROQ_API_KEY_FILE: at("binary"),
    ANTHROPIC_API_KEY_FILE: at("admin"),
    ANTHROPIC_API_KEY: "sk-secret",
  });
  expect(problems.toSorted()).toEqual([
    "ANTHROPIC_API_KEY_FILE and ANTHROPIC_API_KEY are both set. Leave one of them out.",
    expect.stringMatching(/^GROQ_API_KEY_FILE names .*binary, which is not UTF-8 text\./),
    expect.stringMatching(
      /^MISTRAL_API_KEY_FILE names .*large, which is larger than 65536 bytes\./,
    ),
    expect.stringMatching(/^OPENAI_API_KEY_FILE names .*empty, which is empty\./),
    expect.stringMatching(/^SENTINEL_ADMIN_TOKEN must be 16 to 256 visible .*has 20 characters/),
    expect.stringMatching(/^SENTINEL_DEFAULT_KEY_FILE names .*missing, which does not exist\./),
    expect.stringMatching(/^SENTINEL_MASTER_KEY_FILE names .*, which is a directory, not a file\./),
  ]);
  expect(problems.join()).not.toMatch(/secret|sss/);
});

test("an empty variable with a file's name is not set", async () => {
  const { settings } = await loadConfiguration({ SENTINEL_MASTER_KEY_FILE: " " });
  expect(settings.masterKey).toBeUndefined();
});

test("a mistyped name of a file is a problem that names the right one", async () => {
  expect(await problemsOf({ SENTINEL_MASTERKEY_FILE: "/run/secrets/key" })).toEqual([
    expect.stringContaining(
      "SENTINEL_MASTERKEY_FILE is not a setting; did you mean SENTINEL_MASTER_KEY_FILE?",
    ),
  ]);
});
