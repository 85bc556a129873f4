import { z } from "zod";
import { ConfigurationError } from "./configuration-error.ts";
import { fileVariable } from "./secret-files.ts";
import {
  exporters,
  keyValues,
  otlpClashes,
  otlpEndpoint,
  otlpSettings,
  protocols,
  ratio,
  samplers,
  serviceName,
} from "./otlp-variables.ts";
import { sortVariables } from "./stray-variables.ts";
import type { Environment } from "./stray-variables.ts";
import {
  bearerSecret,
  embedder,
  filePath,
  flag,
  hostName,
  httpUrl,
  longSecret,
  modelName,
  origins,
  redisUrls,
  usdAmount,
  wholeNumber,
} from "./variable-types.ts";

/** Sentinel's settings, from its environment variables. Throws `ConfigurationError` with all that is wrong. */
export function parseSettings(environment: Environment): {
  settings: Settings;
  warnings: string[];
} {
  const { values, problems, warnings } = sortVariables(environment, {
    known: variableNames,
    meant: [...variableNames, ...secretNames.map(fileVariable)],
  });
  const parsed = variables.safeParse(values);
  const refused = (parsed.error?.issues ?? []).map((issue) => problemOf(issue, values));
  const all = [...problems, ...refused, ...clashes(values), ...otlpClashes(values)];
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

const words = <const Words extends readonly [string, ...string[]]>(
  all: Words,
  fallback: z.output<z.ZodEnum<{ [Word in Words[number]]: Word }>>,
) => note(z.enum(all, `must be one of ${all.join(", ")}`).default(fallback), { example: fallback });
const otlpUrl = (path: string) =>
  note(otlpEndpoint().optional(), { example: `http://127.0.0.1:4318${path}`, isSecret: true });

const secondMs = 1_000;
const hourMs = 3_600_000;
const mebibyte = 1_048_576;

const inOneProcess = "this version runs one process; start several with the same Redis instead";
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
  SENTINEL_DRAIN_IDLE_MS: number(250, 0, 60 * secondMs),
  SENTINEL_STALE_KEY_MS: number(hourMs, 0, 24 * hourMs),
  SENTINEL_ALLOW_PRIVATE_UPSTREAMS: note(flag().default(false), { example: "true" }),
  SENTINEL_MAX_BODY_BYTES: number(32 * mebibyte, 1_024, 1_024 * mebibyte),
  SENTINEL_MAX_JSON_DEPTH: number(128, 8, 1_000),
  SENTINEL_MAX_MESSAGES: number(10_000, 1, 1_000_000),
  SENTINEL_MAX_HEADER_BYTES: number(32_768, 1_024, mebibyte),
  SENTINEL_HEADER_TIMEOUT_MS: number(10 * secondMs, 10, hourMs),
  SENTINEL_BODY_TIMEOUT_MS: number(60 * secondMs, 10, hourMs),
  SENTINEL_MAX_INFLIGHT: number(10_000, 1, 1_000_000),
  SENTINEL_STORE: note(z.enum(["sqlite", "redis"], "must be sqlite or redis").optional(), {
    example: "sqlite",
  }),
  SENTINEL_REDIS_URL: note(redisUrls().optional(), {
    example: "redis://127.0.0.1:6379",
    isSecret: true,
  }),
  SENTINEL_WORKERS: note(z.literal("1", `must be 1: ${inOneProcess}`).optional(), { example: "1" }),
  SENTINEL_ON_DISK_FULL: note(
    z.enum(["continue", "refuse"], "must be continue or refuse").default("continue"),
    { example: "continue" },
  ),
  SENTINEL_JOURNAL_MAX_BYTES: number(4_096 * mebibyte, 16 * mebibyte, 1_048_576 * mebibyte),
  SENTINEL_JOURNAL_KEEP_MS: number(hourMs, 60 * secondMs, 30 * 24 * hourMs),
  SENTINEL_AUDIT_RETENTION_DAYS: number(90, 1, 3_650),
  SENTINEL_AUDIT_REDIS_HOURS: number(48, 1, 24 * 90),
  SENTINEL_AUDIT_FILES: note(flag().default(true), { example: "false" }),
  SENTINEL_PAYLOAD_MAX_BYTES: number(65_536, 1_024, 16 * mebibyte),
  SENTINEL_BUDGET_WEBHOOK_URL: note(httpUrl().optional(), {
    example: "https://hooks.example.com/budgets",
    isSecret: true,
  }),
  SENTINEL_CACHE: note(flag().default(true), { example: "off" }),
  SENTINEL_CACHE_MEMORY_BYTES: number(128 * mebibyte, mebibyte, 1_048_576 * mebibyte),
  SENTINEL_CACHE_DISK_BYTES: number(1_024 * mebibyte, 16 * mebibyte, 1_048_576 * mebibyte),
  SENTINEL_CACHE_TENANT_BYTES: number(256 * mebibyte, mebibyte, 1_048_576 * mebibyte),
  SENTINEL_CACHE_CHECK_MODEL: note(modelName().optional(), { example: "gpt-4o-mini" }),
  SENTINEL_CACHE_CHECK_BUDGET_USD: note(usdAmount().default("50"), { example: "50" }),
  SENTINEL_EMBEDDER: note(embedder().default("off"), { example: "https://api.openai.com/v1" }),
  SENTINEL_EMBEDDER_MODEL: note(modelName().default("text-embedding-3-small"), {
    example: "text-embedding-3-small",
  }),
  SENTINEL_EMBEDDER_API_KEY: note(bearerSecret().optional(), { example: "sk-...", isSecret: true }),
  SENTINEL_EMBEDDER_DIR: note(filePath().default(".cache/embedder"), {
    example: ".cache/embedder",
  }),
  SENTINEL_EMBEDDER_TIMEOUT_MS: note(wholeNumber({ min: 5, max: 5_000 }).optional(), {
    example: "300",
  }),
  SENTINEL_JOB_CONCURRENCY: number(4, 0, 1_000),
  SENTINEL_JOB_LEASE_MS: number(60 * secondMs, secondMs, hourMs),
  SENTINEL_JOB_STALLED_MS: number(300 * secondMs, 100, 24 * hourMs),
  SENTINEL_JUDGE_MODEL: note(modelName().optional(), { example: "gpt-4o-mini" }),
  SENTINEL_JUDGE_BUDGET_USD: note(usdAmount().default("50"), { example: "50" }),
  SENTINEL_METRICS_TOKEN: note(bearerSecret().optional(), {
    example: '"$(openssl rand -hex 32)"',
    isSecret: true,
  }),
  SENTINEL_METRICS_TENANTS_MAX: number(100, 0, 10_000),
  OTEL_SDK_DISABLED: note(flag().default(false), { example: "true" }),
  OTEL_SERVICE_NAME: note(serviceName().optional(), { example: "sentinel" }),
  OTEL_RESOURCE_ATTRIBUTES: note(keyValues().default({}), {
    example: "deployment.environment.name=production",
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: otlpUrl(""),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: otlpUrl("/v1/traces"),
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: otlpUrl("/v1/metrics"),
  OTEL_EXPORTER_OTLP_HEADERS: note(keyValues().default({}), {
    example: "x-api-key=...",
    isSecret: true,
  }),
  OTEL_EXPORTER_OTLP_PROTOCOL: words(protocols, "http/protobuf"),
  OTEL_EXPORTER_OTLP_TIMEOUT: number(10 * secondMs, 100, hourMs),
  OTEL_TRACES_EXPORTER: words(exporters, "otlp"),
  OTEL_METRICS_EXPORTER: words(exporters, "otlp"),
  OTEL_TRACES_SAMPLER: words(samplers, "parentbased_always_on"),
  OTEL_TRACES_SAMPLER_ARG: note(ratio().default(1), { example: "0.1" }),
  OTEL_BSP_SCHEDULE_DELAY: number(secondMs, 1, 60 * secondMs),
  OTEL_METRIC_EXPORT_INTERVAL: number(60 * secondMs, 100, hourMs),
  SENTINEL_URL: note(httpUrl().optional(), { example: "http://127.0.0.1:8000" }),
  SENTINEL_API_KEY: note(bearerSecret().optional(), { example: "sk-sentinel-…", isSecret: true }),
});

/** All names that Sentinel knows. */
export const variableNames: readonly string[] = Object.keys(variables.shape);

/** Those whose values are secret: each may be in a file, which `NAME_FILE` names. */
export const secretNames: readonly string[] = [
  ...variableNames.filter((name) => noteOf(name).isSecret === true),
  "REDIS_URL",
];

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
    drain: {
      timeoutMs: values.SENTINEL_DRAIN_TIMEOUT_MS,
      /** So long a connection without a request stays open meanwhile: one may be on its way. */
      idleMs: values.SENTINEL_DRAIN_IDLE_MS,
    },
    /** Callers whom we know are served for so long while the tenant store is down. */
    staleKeyMs: values.SENTINEL_STALE_KEY_MS,
    /** Whether the admin API may store providers with a base URL on a private or loopback address. */
    allowPrivateUpstreams: values.SENTINEL_ALLOW_PRIVATE_UPSTREAMS,
    /** Which gateway the command line speaks to; undefined: the one that runs on the data directory. */
    url: values.SENTINEL_URL,
    /** The tenant's key with which the command line asks models. */
    apiKey: values.SENTINEL_API_KEY,
    /** Who scrapes shows it; undefined: this machine and the platform's admin may. */
    metricsToken: values.SENTINEL_METRICS_TOKEN,
    /** So many tenants have series of their own; the others share one. */
    metricsTenantsMax: values.SENTINEL_METRICS_TENANTS_MAX,
    /** Where hot state and audit are kept. */
    store: values.SENTINEL_STORE ?? (values.SENTINEL_REDIS_URL === undefined ? "sqlite" : "redis"),
    /** Undefined with the embedded store. */
    redisUrls: values.SENTINEL_REDIS_URL,
    accounting: {
      /** What becomes of requests when neither disk nor memory can take what is to be accounted. */
      onDiskFull: values.SENTINEL_ON_DISK_FULL,
      journalBytesMax: values.SENTINEL_JOURNAL_MAX_BYTES,
      /** So long the journal is kept after every store has it. */
      journalKeepMs: values.SENTINEL_JOURNAL_KEEP_MS,
      auditRetentionDays: values.SENTINEL_AUDIT_RETENTION_DAYS,
      /** How far back `/v1/audit` goes with Redis. */
      auditRedisHours: values.SENTINEL_AUDIT_REDIS_HOURS,
      /** With Redis: whether each replica keeps the long history in files of its own. */
      hasAuditFiles: values.SENTINEL_AUDIT_FILES,
      payloadBytesMax: values.SENTINEL_PAYLOAD_MAX_BYTES,
      budgetWebhookUrl: values.SENTINEL_BUDGET_WEBHOOK_URL,
    },
    otlp: otlpSettings(values),
    cache: {
      isEnabled: values.SENTINEL_CACHE,
      /** Of answers in this process. */
      memoryBytesMax: values.SENTINEL_CACHE_MEMORY_BYTES,
      /** Of `cache.db`, with the embedded store. */
      diskBytesMax: values.SENTINEL_CACHE_DISK_BYTES,
      /** Of each tenant's answers in Redis. */
      tenantBytesMax: values.SENTINEL_CACHE_TENANT_BYTES,
      /** The model that says whether two answers are the same; undefined: nothing is learnt. */
      checkModel: values.SENTINEL_CACHE_CHECK_MODEL,
      /** What all checks together may cost in a calendar month, in USD. */
      checkBudgetUsd: values.SENTINEL_CACHE_CHECK_BUDGET_USD,
    },
    jobs: {
      /** How many jobs this process runs at once; 0: none, others do. */
      concurrency: values.SENTINEL_JOB_CONCURRENCY,
      /** A job of a process that is not heard of for so long is somebody else's. */
      leaseMs: values.SENTINEL_JOB_LEASE_MS,
      /** When the oldest job that is due is older, `/health` is degraded. */
      stalledMs: values.SENTINEL_JOB_STALLED_MS,
    },
    judge: {
      /** For what names no model of its own: calibrations and tried evaluators. */
      model: values.SENTINEL_JUDGE_MODEL,
      /** What all judging together may cost in a UTC day, in USD. */
      dailyBudgetUsd: values.SENTINEL_JUDGE_BUDGET_USD,
    },
    embedder: {
      /** `off`, `local`, or the base URL of an OpenAI-compatible API. */
      where: values.SENTINEL_EMBEDDER,
      model: values.SENTINEL_EMBEDDER_MODEL,
      apiKey: values.SENTINEL_EMBEDDER_API_KEY,
      /** Where the local model is. */
      dir: values.SENTINEL_EMBEDDER_DIR,
      /** So long a request waits for its vector; undefined: what the embedder needs. */
      timeoutMs: values.SENTINEL_EMBEDDER_TIMEOUT_MS,
    },
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
  const { SENTINEL_STORE: store, SENTINEL_REDIS_URL: redisUrl } = values;
  if (store === "redis" && redisUrl === undefined) {
    found.push(
      "SENTINEL_REDIS_URL is missing, and SENTINEL_STORE is redis. Set for example SENTINEL_REDIS_URL=redis://127.0.0.1:6379, or SENTINEL_STORE=sqlite.",
    );
  }
  return found;
}
