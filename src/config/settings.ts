import { z } from "zod";
import { ConfigurationError } from "./configuration-error.ts";
import { sortVariables } from "./stray-variables.ts";
import type { Environment } from "./stray-variables.ts";
import {
  bearerSecret,
  filePath,
  flag,
  hostName,
  longSecret,
  origins,
  wholeNumber,
} from "./variable-types.ts";

/** Sentinel's settings, from its environment variables. Throws `ConfigurationError` with all that is wrong. */
export function parseSettings(environment: Environment): {
  settings: Settings;
  warnings: string[];
} {
  const { values, problems, warnings } = sortVariables(environment, variableNames);
  const parsed = variables.safeParse(values);
  const refused = (parsed.error?.issues ?? []).map((issue) => problemOf(issue, values));
  const all = [...problems, ...refused, ...clashes(values)];
  if (!parsed.success || all.length > 0) throw new ConfigurationError(all);
  return { settings: toSettings(parsed.data), warnings };
}

export type Settings = ReturnType<typeof toSettings>;

interface VariableNote {
  readonly example: string;
  /** Its value is never shown. */
  readonly isSecret?: true;
  /** For one that has no right value: what to do. */
  readonly fix?: string;
}

const notes = z.registry<VariableNote>();
const note = <Schema extends z.ZodType>(schema: Schema, written: VariableNote): Schema => {
  notes.add(schema, written);
  return schema;
};

const number = (fallback: number, min: number, max: number) =>
  note(wholeNumber({ min, max }).default(fallback), { example: String(fallback) });

const secondMs = 1_000;
const hourMs = 3_600_000;
const mebibyte = 1_048_576;

const inOneProcess = "this version keeps its state in the embedded SQLite store, in one process";
const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;

/** Every variable, with what it accepts and its default. `.env.example` says what each is for. */
const variables = z.strictObject({
  SENTINEL_HOST: note(hostName().default("127.0.0.1"), { example: "127.0.0.1" }),
  SENTINEL_PORT: number(8_000, 0, 65_535),
  SENTINEL_ADMIN_PORT: note(wholeNumber({ min: 0, max: 65_535 }).optional(), { example: "8001" }),
  SENTINEL_CONFIG: note(filePath().optional(), { example: "sentinel.yaml" }),
  SENTINEL_DATA_DIR: note(filePath().default("data"), { example: "data" }),
  SENTINEL_ADMIN_TOKEN: note(bearerSecret().optional(), {
    example: '"$(openssl rand -hex 32)"',
    isSecret: true,
  }),
  SENTINEL_DEFAULT_KEY: note(bearerSecret().optional(), {
    example: '"$(openssl rand -hex 32)"',
    isSecret: true,
  }),
  SENTINEL_MASTER_KEY: note(longSecret({ lengthMin: 32 }).optional(), {
    example: '"$(openssl rand -base64 32)"',
    isSecret: true,
  }),
  SENTINEL_CORS_ORIGINS: note(origins().default(["*"]), { example: "https://app.example.com" }),
  SENTINEL_LOG_LEVEL: note(
    z.enum(logLevels, `must be one of ${logLevels.join(", ")}`).default("info"),
    { example: "info" },
  ),
  SENTINEL_DRAIN_TIMEOUT_MS: number(30 * secondMs, 0, hourMs),
  SENTINEL_STALE_KEY_MS: number(hourMs, 0, 24 * hourMs),
  SENTINEL_ALLOW_PRIVATE_UPSTREAMS: note(flag().default(false), { example: "true" }),
  SENTINEL_MAX_BODY_BYTES: number(32 * mebibyte, 1_024, 1_024 * mebibyte),
  SENTINEL_MAX_JSON_DEPTH: number(128, 8, 1_000),
  SENTINEL_MAX_MESSAGES: number(10_000, 1, 1_000_000),
  SENTINEL_MAX_HEADER_BYTES: number(32_768, 1_024, mebibyte),
  SENTINEL_HEADER_TIMEOUT_MS: number(10 * secondMs, 10, hourMs),
  SENTINEL_BODY_TIMEOUT_MS: number(60 * secondMs, 10, hourMs),
  SENTINEL_MAX_INFLIGHT: number(10_000, 1, 1_000_000),
  SENTINEL_STORE: note(z.literal("sqlite", `must be sqlite: ${inOneProcess}`).optional(), {
    example: "sqlite",
  }),
  SENTINEL_REDIS_URL: note(z.undefined(`must not be set: ${inOneProcess}`).optional(), {
    example: "",
    isSecret: true,
    fix: "Redis comes with a later version; until then remove it, for example with: unset SENTINEL_REDIS_URL",
  }),
  SENTINEL_WORKERS: note(z.literal("1", `must be 1: ${inOneProcess}`).optional(), { example: "1" }),
  SENTINEL_METRICS_TOKEN: z.string().optional(),
  SENTINEL_URL: z.string().optional(),
  SENTINEL_ON_DISK_FULL: z.string().optional(),
});

/** All names that Sentinel knows, also those without effect so far. */
export const variableNames: readonly string[] = Object.keys(variables.shape);

function toSettings(values: z.output<typeof variables>) {
  return {
    host: values.SENTINEL_HOST,
    port: values.SENTINEL_PORT,
    /** Moves the admin API to a listener of its own. */
    adminPort: values.SENTINEL_ADMIN_PORT,
    /** Undefined: `sentinel.yaml`, if it is there. */
    configPath: values.SENTINEL_CONFIG,
    dataDir: values.SENTINEL_DATA_DIR,
    adminToken: values.SENTINEL_ADMIN_TOKEN,
    defaultKey: values.SENTINEL_DEFAULT_KEY,
    masterKey: values.SENTINEL_MASTER_KEY,
    /** `*` alone, or origins; none switches CORS off. */
    corsOrigins: values.SENTINEL_CORS_ORIGINS,
    logLevel: values.SENTINEL_LOG_LEVEL,
    drainMs: values.SENTINEL_DRAIN_TIMEOUT_MS,
    /** Callers whom we know are served for so long while the tenant store is down. */
    staleKeyMs: values.SENTINEL_STALE_KEY_MS,
    /** Whether the admin API may store providers with a base URL on a private or loopback address. */
    allowPrivateUpstreams: values.SENTINEL_ALLOW_PRIVATE_UPSTREAMS,
    limits: {
      bodyBytesMax: values.SENTINEL_MAX_BODY_BYTES,
      jsonDepthMax: values.SENTINEL_MAX_JSON_DEPTH,
      messagesMax: values.SENTINEL_MAX_MESSAGES,
      headerBytesMax: values.SENTINEL_MAX_HEADER_BYTES,
      /** Until a request's headers are in. */
      headerMs: values.SENTINEL_HEADER_TIMEOUT_MS,
      /** Until its body is in. */
      bodyMs: values.SENTINEL_BODY_TIMEOUT_MS,
      inflightMax: values.SENTINEL_MAX_INFLIGHT,
    },
  } as const;
}

function problemOf(issue: z.core.$ZodIssue, values: Readonly<Record<string, string>>): string {
  const name = String(issue.path[0]);
  const value = values[name] ?? "";
  const { example, isSecret, fix } = noteOf(name);
  const shown = isSecret ? `it has ${value.length} characters` : `it is ${quoted(value)}`;
  const remedy = fix ?? `Set for example ${name}=${example}, or leave it out for the default`;
  return `${name} ${issue.message}; ${shown}. ${remedy}.`;
}

function noteOf(name: string): VariableNote {
  const schema = Object.entries(variables.shape).find(([known]) => known === name)?.[1];
  return (schema && notes.get(schema)) ?? { example: "" };
}

const shownLengthMax = 60;
const quoted = (value: string) =>
  JSON.stringify(value.length > shownLengthMax ? `${value.slice(0, shownLengthMax)}…` : value);

/** Two settings that are right each for itself, and wrong together. */
function clashes(values: Readonly<Record<string, string>>): string[] {
  const found: string[] = [];
  const { SENTINEL_PORT: port = "8000", SENTINEL_ADMIN_PORT: adminPort } = values;
  if (adminPort !== undefined && adminPort !== "0" && Number(adminPort) === Number(port)) {
    found.push(
      `SENTINEL_ADMIN_PORT must differ from SENTINEL_PORT, which is ${port} too. Set for example SENTINEL_ADMIN_PORT=8001, or leave it out to serve the admin API on the same port.`,
    );
  }
  const { SENTINEL_ADMIN_TOKEN: adminToken, SENTINEL_DEFAULT_KEY: defaultKey } = values;
  if (adminToken !== undefined && adminToken === defaultKey) {
    found.push(
      'SENTINEL_ADMIN_TOKEN and SENTINEL_DEFAULT_KEY must differ: whoever may ask a model would be the platform\'s admin. Set for example SENTINEL_ADMIN_TOKEN="$(openssl rand -hex 32)".',
    );
  }
  return found;
}
