import { open } from "node:fs/promises";
import { hostname, networkInterfaces } from "node:os";
import { ConfigurationError } from "./configuration-error.ts";
import type { GatewayConfig } from "./gateway-config.ts";
import { readGateway } from "./read-gateway.ts";
import type { ConfigFile, GatewayReading } from "./read-gateway.ts";
import { namesUsed, withSecretFiles } from "./secret-files.ts";
import type { FilledEnvironment } from "./secret-files.ts";
import { parseSettings, secretNames } from "./settings.ts";
import type { Settings } from "./settings.ts";
import type { Environment } from "./stray-variables.ts";
import { vendorList } from "./vendors.ts";

/** All that Sentinel is told from outside. Only this file reads the environment and the configuration file. */
export interface Configuration extends GatewayConfiguration {
  readonly settings: Settings;
}

export interface GatewayConfiguration {
  readonly gateway: GatewayConfig;
  /** The file that was read; undefined if there is none. */
  readonly configPath: string | undefined;
  readonly warnings: readonly string[];
}

/** At start. Throws one `ConfigurationError` with the problems of the environment and of the file. */
export async function loadConfiguration(given: Environment = process.env): Promise<Configuration> {
  const path = given["SENTINEL_CONFIG"]?.trim();
  const file = await readConfigFile(path === "" ? undefined : path);
  const { environment, problems } = fill(given, file);
  const own = readSettings(environment);
  const settings = own.kind === "read" ? own.settings : undefined;
  const gateway = readGateway({ file, environment, listener: settings && listenerOf(settings) });
  if (own.kind === "refused" || gateway.kind === "refused" || problems.length > 0) {
    throw new ConfigurationError([...problems, ...problemsOf(own), ...problemsOf(gateway)]);
  }
  const warnings = [...own.warnings, ...gateway.warnings];
  return { ...configurationOf(gateway, file), settings: own.settings, warnings };
}

/** The settings alone, for the command line. Throws `ConfigurationError`. */
export function loadSettings(given: Environment = process.env): Settings {
  const { environment, problems } = withSecretFiles(given, secretNames);
  const own = readSettings(environment);
  if (own.kind === "refused" || problems.length > 0) {
    throw new ConfigurationError([...problems, ...problemsOf(own)]);
  }
  return own.settings;
}

/** What a command line says in place of the environment, for all that is read after it. */
export function setVariables(given: Environment): void {
  Object.assign(process.env, given);
}

/** On SIGHUP: the file again, with the environment as it is. Throws `ConfigurationError`; then the old one stays. */
export async function reloadGateway(
  settings: Settings,
  given: Environment = process.env,
): Promise<GatewayConfiguration> {
  const file = await readConfigFile(settings.configPath);
  const { environment, problems } = fill(given, file);
  const gateway = readGateway({ file, environment, listener: listenerOf(settings) });
  if (gateway.kind === "refused" || problems.length > 0) {
    throw new ConfigurationError([...problems, ...problemsOf(gateway)]);
  }
  return configurationOf(gateway, file);
}

/** The secrets that are in files: Sentinel's own, the providers', and what the configuration file uses. */
function fill(given: Environment, file: ConfigFile): FilledEnvironment {
  const ofProviders = vendorList.flatMap(({ keyVariables }) => keyVariables);
  const inFile = file.kind === "text" ? namesUsed(file.text) : [];
  return withSecretFiles(given, [...secretNames, ...ofProviders, ...inFile]);
}

type Refused = Extract<GatewayReading, { kind: "refused" }>;
type SettingsReading =
  | { readonly kind: "read"; readonly settings: Settings; readonly warnings: readonly string[] }
  | Refused;

/** As a value, since the file is to be read also when the settings are wrong. */
function readSettings(environment: Environment): SettingsReading {
  try {
    return { kind: "read", ...parseSettings(environment) };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return { kind: "refused", problems: error.problems };
  }
}

const problemsOf = (reading: Refused | { readonly kind: "read" }) =>
  reading.kind === "refused" ? reading.problems : [];

const configurationOf = (
  { gateway, warnings }: Extract<GatewayReading, { kind: "read" }>,
  file: ConfigFile,
): GatewayConfiguration => ({
  gateway,
  configPath: file.kind === "absent" ? undefined : file.path,
  warnings,
});

const listenerOf = ({ host, port, adminPort = 0 }: Settings) => ({
  host,
  ports: [port, adminPort].filter((known) => known !== 0),
  ownNames: [
    hostname(),
    ...Object.values(networkInterfaces()).flatMap(
      (all) => all?.map(({ address }) => address) ?? [],
    ),
  ],
});

const conventionalPath = "sentinel.yaml";
const fileBytesMax = 1_048_576;

async function readConfigFile(given: string | undefined): Promise<ConfigFile> {
  const path = given ?? conventionalPath;
  const unreadable = (why: string): ConfigFile => ({ kind: "unreadable", path, problem: why });
  try {
    const bytes = await readAtMost(path, fileBytesMax + 1);
    if (bytes.length > fileBytesMax) {
      return unreadable(`is larger than ${fileBytesMax} bytes; make it smaller`);
    }
    return { kind: "text", path, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    if (code === "ENOENT" && given === undefined) return { kind: "absent" };
    if (code === undefined) throw error;
    return unreadable(readFaults[code] ?? `cannot be read (${code})`);
  }
}

const readFaults: Readonly<Record<string, string>> = {
  ENOENT: "does not exist; correct SENTINEL_CONFIG, for example SENTINEL_CONFIG=sentinel.yaml",
  EISDIR:
    "is a directory, not a file; Docker makes one where the file that was to be mounted is missing",
  EACCES: "may not be read by the user who runs Sentinel; allow it, for example with chmod a+r",
  ERR_ENCODING_INVALID_ENCODED_DATA: "is not UTF-8 text; save it as UTF-8",
};

async function readAtMost(path: string, bytesMax: number): Promise<Uint8Array> {
  await using file = await open(path);
  const bytes = new Uint8Array(bytesMax);
  let length = 0;
  while (length < bytesMax) {
    const { bytesRead } = await file.read(bytes, length, bytesMax - length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}
