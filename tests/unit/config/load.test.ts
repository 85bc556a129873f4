import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ConfigurationError } from "../../../src/config/configuration-error.ts";
import { loadConfiguration, reloadGateway } from "../../../src/config/load.ts";

let directory = "";
let filesWritten = 0;
const startedIn = process.cwd();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sentinel-config-"));
});
afterEach(() => {
  process.chdir(startedIn);
});
afterAll(() => rm(directory, { recursive: true }));

async function fileWith(text: string | Uint8Array): Promise<string> {
  filesWritten += 1;
  const path = join(directory, `${filesWritten}.yaml`);
  await writeFile(path, text);
  return path;
}

type Variables = Record<string, string>;

const load = async (yaml: string | Uint8Array, variables: Variables = {}) =>
  loadConfiguration({ SENTINEL_CONFIG: await fileWith(yaml), ...variables });

async function problemsOf(loading: Promise<unknown>): Promise<readonly string[]> {
  const error: unknown = await loading.then(
    () => new Error("it was accepted"),
    (reason: unknown) => reason,
  );
  if (error instanceof ConfigurationError) return error.problems;
  throw error;
}

test("without a file and without variables the demo answers everything", async () => {
  const empty = join(directory, "empty");
  await mkdir(empty);
  process.chdir(empty);
  const { gateway, configPath, warnings, settings } = await loadConfiguration({});
  expect(gateway.providers.map(({ type }) => type)).toEqual(["demo"]);
  expect(gateway.defaults).toEqual({ provider: "demo", retries: 2, deadlines: {} });
  expect(configPath).toBeUndefined();
  expect(warnings).toEqual([]);
  expect(settings.port).toBe(8000);
});

test("sentinel.yaml is read where it is, without being named", async () => {
  const project = join(directory, "project");
  await mkdir(project);
  await writeFile(join(project, "sentinel.yaml"), "defaults: { retries: 7 }");
  process.chdir(project);
  const { gateway, configPath } = await loadConfiguration({});
  expect(gateway.defaults.retries).toBe(7);
  expect(configPath).toBe("sentinel.yaml");
});

test("the file's providers replace those of the environment", async () => {
  const { gateway, warnings } = await load("providers: { mine: { type: ollama } }", {
    OPENAI_API_KEY: "sk-o",
    OPENAI_BASE_URL: "http://127.0.0.1:8000",
    ANTHROPIC_API_KEY: "a",
  });
  expect(gateway.providers.map(({ name }) => name)).toEqual(["mine"]);
  expect(gateway.defaults.provider).toBeUndefined();
  expect(warnings).toEqual([]);
});

test("a file that has only models uses the environment's providers", async () => {
  const yaml = "models: { fast: { targets: [{ provider: openai, model: m }] } }";
  const { gateway } = await load(yaml, { OPENAI_API_KEY: "sk-o" });
  expect(gateway.providers).toMatchObject([{ name: "openai", source: "environment" }]);
  expect(gateway.namesModels).toBe(true);
  expect(await problemsOf(load(yaml))).toEqual([
    expect.stringMatching(/targets\[0\]\.provider must be one of the providers of the environment/),
  ]);
});

test("an empty file, or one of comments, is as good as none", async () => {
  const { gateway } = await load("# nothing yet\n");
  expect(gateway.providers.map(({ name }) => name)).toEqual(["demo"]);
});

test("problems of the environment and of the file come together, with their lines", async () => {
  const yaml = [
    "providers:",
    "  openai:",
    "    type: openai",
    "    api_kyes: []",
    "models:",
    "  gpt 4:",
    "    targets: [{ provider: openai, model: m }]",
    "  fast:",
    "    strategy: wieghted",
    "    targets:",
    "      - { provider: opnai, model: m }",
  ].join("\n");
  const problems = await problemsOf(load(yaml, { SENTINEL_PORT: "x", SENTINEL_PROT: "1" }));
  const tails = problems.map((problem) => problem.replace(/^.*\.yaml, /, ""));
  expect(tails).toEqual([
    expect.stringMatching(/^SENTINEL_PROT /),
    expect.stringMatching(/^SENTINEL_PORT /),
    expect.stringMatching(/^line 2: providers\.openai has no field "api_kyes" \(did you mean/),
    expect.stringMatching(/^line 6: models\["gpt 4"\] is no good name/),
    expect.stringMatching(/^line 9: models\.fast\.strategy must be .* did you mean "weighted"\?$/),
    expect.stringMatching(
      /^line 11: models\.fast\.targets\[0\]\.provider .* did you mean "openai"\?$/,
    ),
  ]);
});

test("the file takes its secrets from the environment, and no problem repeats them", async () => {
  const yaml = [
    "providers:",
    "  a: { type: vllm, base_url: 'http://${GPU}:8001', api_keys: ['${SECRET}'] }",
    "  b: { type: '${SECRET}' }",
    "  c: { type: openai, base_url: '${SECRET}', headers: { '${SECRET}': x } }",
    "models: { m: { strategy: '${SECRET}', targets: [{ provider: '${SECRET}', model: m }] } }",
  ].join("\n");
  const { gateway } = await load(yaml.split("\n").slice(0, 2).join("\n"), {
    GPU: "gpu",
    SECRET: "s3cret",
  });
  expect(gateway.providers).toMatchObject([{ baseUrl: "http://gpu:8001/v1", apiKeys: ["s3cret"] }]);
  const problems = await problemsOf(load(yaml, { GPU: "gpu", SECRET: "s3cret word" }));
  expect(problems).toHaveLength(6);
  expect(problems.join("\n")).not.toContain("s3cret");
});

test("a variable that is not set is named with its place, once", async () => {
  const yaml = "providers:\n  a:\n    type: vllm\n    base_url: ${GPU_URL}\n";
  expect(await problemsOf(load(yaml))).toEqual([
    expect.stringMatching(/line 4: providers\.a\.base_url uses \$\{GPU_URL\}, which is not set/),
  ]);
});

test("variables in comments and in names are none", async () => {
  const { gateway } = await load(
    "# ${NOT_SET}\nproviders: { demo: { type: demo } } # ${NOT_SET}\n",
  );
  expect(gateway.providers).toHaveLength(1);
});

test.each([
  [
    "providers:\n  a: { type: demo }\n  a: { type: ollama }\n",
    /line 3, column 3: this name was there before/,
  ],
  ["providers: {}\nproviders: {}\n", /line 2, column 1: this name was there before/],
  ["providers: [\nmodels: {}\n", /line 2, column 1/],
  ["\tproviders: {}", /line 1, column 1: tabs/],
  ["a: !!js/function x", /line 1, column 4: Unresolved tag/],
  ["providers: { a: { type: openai, api_keys: [${KEY}] } }", /put "\$\{NAME\}" in quotes/],
  ["a: *nowhere", /alias/],
  ["a: &a [*a, *a]", /may contain itself/],
  ["a: 1\n---\nb: 2", /line 2.*second document/],
  ["? [a]\n: b", /names must be plain text/],
  ["- providers", /the file must hold fields/],
  ["__proto__: { polluted: true }", /__proto__ is a name that nothing can have/],
  ["providers:", /line 1: providers must hold a name for each entry/],
])("%j is refused", async (yaml, message) => {
  const problems = await problemsOf(load(yaml));
  expect(
    problems.some((problem) => message.test(problem)),
    problems.join("\n"),
  ).toBe(true);
});

test("aliases that multiply are refused before they do", async () => {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const below = level === 0 ? "x" : `*l${level - 1}`;
    return `l${level}: &l${level} [${Array.from({ length: 9 }, () => below).join(", ")}]`;
  });
  expect(await problemsOf(load(levels.join("\n")))).toEqual([expect.stringContaining("aliases")]);
});

test("anchors and merge keys may be used", async () => {
  const { gateway } = await load(
    "providers:\n  a: &a { type: ollama, keep_alive_ms: 5 }\n  b: { <<: *a, models: [m] }\n",
  );
  expect(gateway.providers).toMatchObject([{ keepAliveMs: 5 }, { keepAliveMs: 5, models: ["m"] }]);
});

test("a file that cannot be read is a problem that says why", async () => {
  const named = (path: string) => problemsOf(loadConfiguration({ SENTINEL_CONFIG: path }));
  expect(await named(join(directory, "absent.yaml"))).toEqual([
    expect.stringContaining("absent.yaml does not exist; correct SENTINEL_CONFIG"),
  ]);
  expect(await named(directory)).toEqual([expect.stringContaining("is a directory")]);
  expect(await problemsOf(load(Uint8Array.of(0x61, 0xff, 0xfe)))).toEqual([
    expect.stringContaining("is not UTF-8 text"),
  ]);
  expect(await problemsOf(load(`#${"x".repeat(1_048_576)}`))).toEqual([
    expect.stringContaining("is larger than 1048576 bytes"),
  ]);
});

test("a base URL that points at Sentinel itself is a problem that names where it comes from", async () => {
  const variables = { OPENAI_BASE_URL: "http://localhost:8000/v1", OPENAI_API_KEY: "k" };
  expect(await problemsOf(load("", variables))).toEqual([
    expect.stringMatching(/^OPENAI_BASE_URL points at Sentinel itself.*env -u OPENAI_BASE_URL/),
  ]);
  const yaml = "providers:\n  me:\n    type: openai\n    base_url: http://127.0.0.1:9000\n";
  expect(await problemsOf(load(yaml, { SENTINEL_PORT: "9000" }))).toEqual([
    expect.stringMatching(/line 4: providers\.me\.base_url points at Sentinel itself/),
  ]);
  expect(await problemsOf(load(yaml, { SENTINEL_ADMIN_PORT: "9000" }))).toHaveLength(1);
  expect((await load(yaml, { SENTINEL_PORT: "0" })).gateway.providers).toHaveLength(1);
  expect((await load(yaml)).gateway.providers).toHaveLength(1);
});

test("a reload reads the file again, and refuses one with a mistake", async () => {
  const path = await fileWith("defaults: { retries: 1 }");
  const { settings } = await loadConfiguration({ SENTINEL_CONFIG: path });
  await writeFile(path, "defaults: { provider: nobody }");
  expect(await problemsOf(reloadGateway(settings, {}))).toHaveLength(1);
  await writeFile(path, "defaults: { retries: 3 }");
  const { gateway, configPath } = await reloadGateway(settings, {});
  expect(gateway.defaults.retries).toBe(3);
  expect(configPath).toBe(path);
});
