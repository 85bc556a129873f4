import { expect, test } from "vitest";
import { ConfigurationError } from "../../../src/config/configuration-error.ts";
import { parseSettings } from "../../../src/config/settings.ts";

const problemsOf = (environment: Record<string, string | undefined>): readonly string[] => {
  try {
    parseSettings(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
};

test("without variables every setting has its default", () => {
  expect(parseSettings({ PATH: "/bin" })).toEqual({
    settings: {
      host: "127.0.0.1",
      port: 8000,
      adminPort: undefined,
      configPath: undefined,
      dataDir: "data",
      adminToken: undefined,
      defaultKey: undefined,
      masterKey: undefined,
      metricsToken: undefined,
      metricsTenantsMax: 100,
      corsOrigins: ["*"],
      otlp: {
        traces: undefined,
        metrics: undefined,
        gatherMs: 1_000,
        metricIntervalMs: 60_000,
        sampler: { name: "parentbased_always_on", ratio: 1 },
        attributes: { "service.name": "sentinel" },
      },
      logLevel: "info",
      drain: { timeoutMs: 30_000, idleMs: 250 },
      staleKeyMs: 3_600_000,
      allowPrivateUpstreams: false,
      url: undefined,
      apiKey: undefined,
      store: "sqlite",
      redisUrls: undefined,
      accounting: {
        onDiskFull: "continue",
        journalBytesMax: 4_294_967_296,
        journalKeepMs: 3_600_000,
        auditRetentionDays: 90,
        auditRedisHours: 48,
        hasAuditFiles: true,
        payloadBytesMax: 65_536,
        budgetWebhookUrl: undefined,
      },
      cache: {
        isEnabled: true,
        memoryBytesMax: 134_217_728,
        diskBytesMax: 1_073_741_824,
        tenantBytesMax: 268_435_456,
        checkModel: undefined,
        checkBudgetUsd: "50",
      },
      jobs: { concurrency: 4, leaseMs: 60_000, stalledMs: 300_000 },
      judge: { model: undefined, dailyBudgetUsd: "50" },
      embedder: {
        where: "off",
        model: "text-embedding-3-small",
        apiKey: undefined,
        dir: ".cache/embedder",
        timeoutMs: undefined,
      },
      limits: {
        bodyBytesMax: 33_554_432,
        jsonDepthMax: 128,
        messagesMax: 10_000,
        headerBytesMax: 32_768,
        headerMs: 10_000,
        bodyMs: 60_000,
        inflightMax: 10_000,
      },
    },
    warnings: [],
  });
});

test("what is set is taken, without the spaces around it", () => {
  const { settings } = parseSettings({
    SENTINEL_HOST: "::1",
    SENTINEL_PORT: " 0 ",
    SENTINEL_ADMIN_PORT: "9001",
    SENTINEL_ALLOW_PRIVATE_UPSTREAMS: "TRUE",
    SENTINEL_LOG_LEVEL: "silent",
    SENTINEL_MAX_INFLIGHT: "5",
    SENTINEL_ADMIN_TOKEN: "an-admin-token-of-tests\n",
  });
  expect(settings).toMatchObject({
    host: "::1",
    port: 0,
    adminPort: 9001,
    allowPrivateUpstreams: true,
    logLevel: "silent",
    limits: { inflightMax: 5 },
    adminToken: "an-admin-token-of-tests",
  });
});

test("an empty variable counts as not set, a wrongly named one too", () => {
  const { settings, warnings } = parseSettings({ SENTINEL_PORT: " ", SENTINEL_PROT: "" });
  expect(settings.port).toBe(8000);
  expect(warnings).toEqual([]);
});

test("all problems come at once, each with its variable, its rule and an example", () => {
  const environment = {
    SENTINEL_PORT: "80a",
    SENTINEL_HOST: "http://here",
    SENTINEL_LOG_LEVEL: "loud",
    SENTINEL_ALLOW_PRIVATE_UPSTREAMS: "perhaps",
    SENTINEL_DRAIN_TIMEOUT_MS: "-1",
    SENTINEL_MAX_BODY_BYTES: "1.5",
    SENTINEL_MAX_JSON_DEPTH: "99999",
  };
  const problems = problemsOf(environment);
  for (const name of Object.keys(environment)) {
    const own = problems.filter((problem) => problem.startsWith(`${name} must be`));
    expect(own, name).toHaveLength(1);
    expect(own[0]).toContain(`for example ${name}=`);
  }
  expect(problems).toHaveLength(7);
  expect(new ConfigurationError(problems).message).toContain("7 problems");
});

test("a problem shows the value that it is about, but never a secret's", () => {
  const problems = problemsOf({
    SENTINEL_PORT: "80a",
    SENTINEL_ADMIN_TOKEN: "tiny-secret",
    SENTINEL_DEFAULT_KEY: "a secret with spaces",
    SENTINEL_MASTER_KEY: "not-long-enough-secret",
    SENTINEL_REDIS_URL: "http://user:secret@store",
  });
  expect(problems).toHaveLength(5);
  expect(problems.join()).toContain('"80a"');
  expect(problems.join()).not.toContain("secret");
});

test("several processes are started by hand, on one Redis", () => {
  expect(problemsOf({ SENTINEL_WORKERS: "4" })).toEqual([
    expect.stringMatching(/^SENTINEL_WORKERS must be 1: .* with the same Redis instead;/),
  ]);
});

test("the store is SQLite, or Redis where its address is known", () => {
  const storeOf = (environment: Record<string, string>) => parseSettings(environment).settings;
  expect(storeOf({})).toMatchObject({ store: "sqlite", redisUrls: undefined });
  const redis = { store: "redis", redisUrls: ["redis://a:6379", "redis://b:6379"] };
  const urls = "redis://a:6379, redis://b:6379";
  expect(storeOf({ SENTINEL_REDIS_URL: urls })).toMatchObject(redis);
  expect(storeOf({ REDIS_URL: urls })).toMatchObject(redis);
  const chosen = storeOf({ REDIS_URL: urls, SENTINEL_STORE: "sqlite" });
  expect(chosen).toMatchObject({ store: "sqlite" });
  expect(problemsOf({ SENTINEL_STORE: "redis" })).toEqual([
    expect.stringContaining("Set for example SENTINEL_REDIS_URL=redis://127.0.0.1:6379"),
  ]);
});

test("what the contract names for later does no harm", () => {
  const { warnings } = parseSettings({ SENTINEL_STORE: "sqlite", SENTINEL_WORKERS: "1" });
  expect(warnings).toEqual([]);
});

test("the scrape token is a secret that a header can carry", () => {
  const token = "scrape-token-of-32-characters-00";
  expect(parseSettings({ SENTINEL_METRICS_TOKEN: token }).settings.metricsToken).toBe(token);
  const problems = problemsOf({ SENTINEL_METRICS_TOKEN: "short token" });
  expect(problems).toEqual([expect.stringMatching(/^SENTINEL_METRICS_TOKEN must be 16 to 256 /)]);
  expect(problems.join()).not.toContain("short token");
});

test("a name with typing errors is a problem that names the right one", () => {
  expect(problemsOf({ SENTINEL_PROT: "1", sentinel_host: "h", SENTINEL_LOGLEVEL: "info" })).toEqual(
    [
      expect.stringContaining("SENTINEL_PROT is not a setting; did you mean SENTINEL_PORT?"),
      expect.stringContaining("sentinel_host is not a setting; did you mean SENTINEL_HOST?"),
      expect.stringContaining(
        "SENTINEL_LOGLEVEL is not a setting; did you mean SENTINEL_LOG_LEVEL?",
      ),
    ],
  );
});

test("a name that resembles none is a warning", () => {
  const { warnings } = parseSettings({ SENTINEL_COLOUR_OF_LOGO: "blue" });
  expect(warnings).toEqual([expect.stringContaining("SENTINEL_COLOUR_OF_LOGO")]);
});

test("Kubernetes' service links are no settings", () => {
  const { settings, warnings } = parseSettings({
    SENTINEL_SERVICE_HOST: "10.0.0.1",
    SENTINEL_SERVICE_PORT: "8000",
    SENTINEL_SERVICE_PORT_HTTP: "8000",
    SENTINEL_PORT_8000_TCP: "tcp://10.0.0.1:8000",
    SENTINEL_PORT_8000_TCP_PROTO: "tcp",
    SENTINEL_PORT_8000_TCP_PORT: "8000",
    SENTINEL_PORT_8000_TCP_ADDR: "10.0.0.1",
    SENTINEL_CACHE_SERVICE_HOST: "10.0.0.2",
    SENTINEL_CACHE_PORT: "tcp://10.0.0.2:6379",
  });
  expect(settings.port).toBe(8000);
  expect(warnings).toEqual([]);
});

test.each(["SENTINEL_PORT", "SENTINEL_ADMIN_PORT"])(
  "a service link in the place of %s is a problem that says how to be rid of it",
  (name) => {
    const problems = problemsOf({ [name]: "tcp://10.0.0.1:8000" });
    expect(problems).toEqual([expect.stringContaining("enableServiceLinks: false")]);
    expect(problems[0]).toContain(`${name}=8`);
  },
);

test.each([
  ["none", []],
  ["*", ["*"]],
  [
    "https://A.example.com, http://localhost:3000/",
    ["https://a.example.com", "http://localhost:3000"],
  ],
  ["https://a.example.com:443", ["https://a.example.com"]],
  ["tauri://localhost", ["tauri://localhost"]],
])("SENTINEL_CORS_ORIGINS=%s is read as browsers write origins", (text, origins) => {
  expect(parseSettings({ SENTINEL_CORS_ORIGINS: text }).settings.corsOrigins).toEqual(origins);
});

test.each([
  "*,https://a.example.com",
  "none,*",
  "a.example.com",
  "https://*.example.com",
  "https://a/b",
])("SENTINEL_CORS_ORIGINS=%s is refused", (text) => {
  expect(problemsOf({ SENTINEL_CORS_ORIGINS: text })).toHaveLength(1);
});

test("two listeners do not share a port, unless each picks its own", () => {
  expect(problemsOf({ SENTINEL_ADMIN_PORT: "8000" })).toHaveLength(1);
  expect(problemsOf({ SENTINEL_PORT: "9000", SENTINEL_ADMIN_PORT: "9000" })).toHaveLength(1);
  expect(problemsOf({ SENTINEL_PORT: "0", SENTINEL_ADMIN_PORT: "0" })).toEqual([]);
});

test("the admin's token is not also the key of everybody", () => {
  const both = "one-secret-for-everything";
  expect(problemsOf({ SENTINEL_ADMIN_TOKEN: both, SENTINEL_DEFAULT_KEY: both })).toHaveLength(1);
});

test.each(["off", "local", "https://api.openai.com/v1"])(
  "SENTINEL_EMBEDDER=%s is taken",
  (text) => {
    expect(parseSettings({ SENTINEL_EMBEDDER: text }).settings.embedder.where).toBe(text);
  },
);

test.each([
  ["SENTINEL_EMBEDDER", "openai"],
  ["SENTINEL_CACHE", "maybe"],
  ["SENTINEL_CACHE_MEMORY_BYTES", "1"],
  ["SENTINEL_CACHE_CHECK_MODEL", "two words"],
  ["SENTINEL_CACHE_CHECK_BUDGET_USD", "$5"],
])("%s=%s is refused by its name", (name, text) => {
  expect(problemsOf({ [name]: text }).join("\n")).toContain(name);
});
