import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { providersFromEnvironment } from "../src/config/env-providers.ts";
import { didYouMean } from "../src/config/did-you-mean.ts";
import type { GatewayConfig } from "../src/config/gateway-config.ts";
import { readGateway } from "../src/config/read-gateway.ts";
import { vendorBaseUrl, vendors } from "../src/config/vendors.ts";
import { allTheSame, choiceNames, choiceOf, defaultAliases } from "./switch-llm/choices.ts";
import { isSet, keyVariablesOf } from "./switch-llm/choices.ts";
import type { Choice, ChoiceName, DefaultModels } from "./switch-llm/choices.ts";
import { editConfig } from "./switch-llm/edit-config.ts";
import type { EditedConfig } from "./switch-llm/edit-config.ts";
import { localModels } from "./switch-llm/local-models.ts";
import { reloadRunning } from "./switch-llm/running-gateway.ts";
import type { ReloadResult } from "./switch-llm/running-gateway.ts";
import { writeInPlace } from "./switch-llm/write-file.ts";

/**
 * `npm run switch-llm -- claude` makes another provider serve the default models, which are the aliases
 * `default`, `fast` and `smart` of `sentinel.yaml`, and whatever name nobody knows (`defaults.provider`). It
 * changes the file, leaves the rest of it as it is, and has a running gateway read it. Without a name it
 * shows what serves now. Exit codes: 0 done, 1 it did not work, 2 it was asked for something that cannot be.
 */
const usage = `Usage: npm run switch-llm [-- ${choiceNames.join("|")}] [--model NAME] [--config FILE] [--replace] [--json]

  --model NAME   the model for all three of ${defaultAliases.join(", ")}
  --config FILE  the file to change; otherwise SENTINEL_CONFIG, otherwise sentinel.yaml
  --replace      also replace those of the three that have several targets of your own
  --json         print one JSON object`;

/** What cannot be done as asked: exit code 2. */
class Refusal extends Error {
  override readonly name = "Refusal";
}

interface Request {
  readonly name: ChoiceName | undefined;
  readonly model: string | undefined;
  readonly configPath: string;
  readonly replacesChains: boolean;
  readonly isJson: boolean;
}

if (existsSync(".env")) process.loadEnvFile(".env");
const environment = process.env;
try {
  process.exitCode = await run(readArguments());
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof Refusal ? 2 : 1;
}

function readArguments(): Request {
  const { values, positionals } = parse();
  const [given, ...rest] = positionals;
  const name = choiceNames.find((known) => known === given);
  if (rest.length > 0 || (given !== undefined && name === undefined)) {
    const meant = didYouMean(given ?? "", choiceNames);
    const hint = meant === undefined ? "" : ` Did you mean "${meant}"?`;
    throw new Refusal(`There is no "${positionals.join(" ")}" to switch to.${hint}\n\n${usage}`);
  }
  const configured = environment["SENTINEL_CONFIG"]?.trim();
  return {
    name,
    model: values.model,
    configPath: values.config ?? (configured || "sentinel.yaml"),
    replacesChains: values.replace,
    isJson: values.json,
  };
}

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        model: { type: "string" },
        config: { type: "string" },
        replace: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new Refusal(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

async function run(request: Request): Promise<number> {
  if (process.argv.includes("--help")) {
    console.log(usage);
    return 0;
  }
  const text = await readConfig(request.configPath);
  return request.name === undefined ? show(request, text) : switchTo(request.name, request, text);
}

async function readConfig(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}

function show({ isJson, configPath }: Request, text: string): number {
  const { gateway, problems } = readAsSentinel(configPath, text);
  const serving = servingNow(gateway);
  const choices = choiceNames.map((name) => {
    const choice = choiceOf(name, environment);
    return { name, about: choice.about, missing: missingVariables(choice, gateway) };
  });
  if (isJson) {
    console.log(JSON.stringify({ config: configPath, problems, ...serving, choices }, null, 2));
    return 0;
  }
  console.log(`Now (${text === "" ? `no ${configPath}` : configPath}):\n`);
  if (problems.length === 0) printServing(serving);
  else console.log(`  Sentinel would not start with it here:\n  ${problems.join("\n  ")}`);
  console.log("\nTo switch: npm run switch-llm -- NAME\n");
  for (const { name, about, missing } of choices) {
    const state = missing.length === 0 ? "" : `  (set ${missing.join(" or ")} first)`;
    console.log(`  ${name.padEnd(8)} ${about}${state}`);
  }
  return 0;
}

interface Serving {
  /** Takes the names that nobody knows. */
  readonly provider: string | undefined;
  readonly models: Readonly<Record<string, string>>;
}

function servingNow(gateway: GatewayConfig | undefined): Serving {
  if (gateway === undefined) return { provider: undefined, models: {} };
  const { models, defaults, providers } = gateway;
  const named = defaultAliases.flatMap((alias) => {
    const targets = models.find((model) => model.alias === alias)?.targets ?? [];
    const shown = targets.map(({ provider, model }) => `${provider}/${model}`).join(", then ");
    return shown === "" ? [] : [[alias, shown] as const];
  });
  const only = providers.length === 1 ? providers[0]?.name : undefined;
  return { provider: defaults.provider ?? only, models: Object.fromEntries(named) };
}

function printServing({ provider, models }: Serving): void {
  for (const alias of defaultAliases) {
    console.log(`  ${alias.padEnd(8)} ${models[alias] ?? "is not defined"}`);
  }
  console.log(`  others   ${provider ?? "whoever has the model"}`);
}

/** None where one of them is set, or the file has a key of the provider's. */
function missingVariables(choice: Choice, gateway: GatewayConfig | undefined): readonly string[] {
  const variables = keyVariablesOf(choice);
  const hasKey = gateway?.providers.some(
    ({ type, apiKeys }) => type === choice.type && apiKeys.length > 0,
  );
  return hasKey === true || variables.some((name) => isSet(environment, name)) ? [] : variables;
}

async function switchTo(name: ChoiceName, request: Request, text: string): Promise<number> {
  const { configPath, replacesChains, isJson } = request;
  const choice = choiceOf(name, environment);
  // What stands there now may be of no use here, as when a key is gone: that may be why it is to be changed.
  const before = readAsSentinel(configPath, text).gateway;
  const missing = missingVariables(choice, before);
  if (missing.length > 0) {
    const [variable = ""] = missing;
    throw new Refusal(
      `${choice.about} needs a key. Set ${missing.join(" or ")} where Sentinel runs, for example as the line ${variable}=… in .env, and start Sentinel again.`,
    );
  }
  const models = request.model === undefined ? await suggested(choice) : allTheSame(request.model);
  const edited = edit(configPath, text, { choice, models, replacesChains });
  const gateway = checked(configPath, edited.text);
  const isChanged = edited.text !== text;
  if (isChanged) await writeInPlace(configPath, edited.text);
  const reload = await reloadRunning(environment["SENTINEL_DATA_DIR"]?.trim() || "data");
  const result = { name, isChanged, edited, serving: servingNow(gateway), reload };
  if (isJson) console.log(JSON.stringify(asJson(result, configPath), null, 2));
  else printResult(result, configPath);
  return reload.kind === "refused" ? 1 : 0;
}

/** A local server's own first model, where it does not have the one that we know. */
async function suggested({ type, models }: Choice): Promise<DefaultModels> {
  if (type !== "ollama" && type !== "vllm") return models;
  const written = environment[vendors[type].urlVariable]?.trim() || undefined;
  const listed = await localModels(vendorBaseUrl(type, written));
  const [first] = listed;
  if (listed.includes(models.default)) return models;
  if (first !== undefined) return allTheSame(first);
  if (type === "ollama") return models;
  throw new Refusal("vLLM does not say which model it has. Name it with --model.");
}

function edit(
  configPath: string,
  text: string,
  options: {
    readonly choice: Choice;
    readonly models: DefaultModels;
    readonly replacesChains: boolean;
  },
): EditedConfig {
  const environmentProviders = providersFromEnvironment(environment).providers;
  try {
    return editConfig(text, { ...options, environment, environmentProviders });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(
      `${configPath} cannot be changed by this script: ${why}. Nothing was written.`,
      {
        cause: error,
      },
    );
  }
}

/** The file as Sentinel would read it here; throws what is wrong with it. */
function checked(path: string, text: string): GatewayConfig {
  const { gateway, problems } = readAsSentinel(path, text);
  if (gateway !== undefined) return gateway;
  throw new Error(`${problems.join("\n")}\nNothing was written.`);
}

interface Reading {
  /** Undefined if there are problems. */
  readonly gateway: GatewayConfig | undefined;
  readonly problems: readonly string[];
}

function readAsSentinel(path: string, text: string): Reading {
  const reading = readGateway({
    file: text === "" ? { kind: "absent" } : { kind: "text", path, text },
    environment,
    listener: undefined,
  });
  return reading.kind === "read"
    ? { gateway: reading.gateway, problems: [] }
    : { gateway: undefined, problems: reading.problems };
}

interface Result {
  readonly name: ChoiceName;
  readonly isChanged: boolean;
  readonly edited: EditedConfig;
  readonly serving: Serving;
  readonly reload: ReloadResult;
}

function asJson({ name, isChanged, edited, serving, reload }: Result, configPath: string): object {
  return {
    switched_to: name,
    config: configPath,
    changed: isChanged,
    ...serving,
    left_alone: edited.leftAlone,
    gateway: reload.kind,
  };
}

function printResult({ isChanged, edited, serving, reload }: Result, configPath: string): void {
  console.log(isChanged ? `${configPath} is written:\n` : `${configPath} says so already:\n`);
  printServing(serving);
  if (edited.leftAlone.length > 0) {
    const names = edited.leftAlone.join(", ");
    console.log(
      `\nLeft alone, since you gave it several targets: ${names}. To replace it: --replace`,
    );
  }
  console.log(`\n${sentenceFor(reload)}`);
}

function sentenceFor(reload: ReloadResult): string {
  switch (reload.kind) {
    case "reloaded":
      return `Sentinel at ${reload.url} has taken it into use.`;
    case "refused":
      return `Sentinel at ${reload.url} did NOT take it: its log says why. If a key is new in .env, start it again.`;
    case "not-running":
      return "No Sentinel runs with this data directory: it counts from the next start.";
    case "unknown":
      return `Whether Sentinel took it is not known: ${reload.why}.`;
  }
}
