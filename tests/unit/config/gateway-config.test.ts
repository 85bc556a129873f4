import { describe, expect, test } from "vitest";
import {
  gatewayConfigSchema,
  normaliseGateway,
  normaliseProvider,
  providerInputSchema,
} from "../../../src/config/gateway-config.ts";

const gatewayOf = (input: unknown) => normaliseGateway(gatewayConfigSchema.parse(input), []);

const messagesFor = (input: unknown) =>
  gatewayConfigSchema
    .safeParse(input)
    .error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`) ?? [];

const providerOf = (input: Record<string, unknown>) => {
  const [provider] = gatewayOf({ providers: { p: input } }).providers;
  if (provider === undefined) throw new Error("no provider came out");
  return provider;
};

const faultsOf = (input: Record<string, unknown>) => messagesFor({ providers: { p: input } });

test("a provider comes out with its defaults and under whole names", () => {
  expect(providerOf({ type: "openai", api_keys: ["a", "b", "a"] })).toEqual({
    name: "p",
    type: "openai",
    baseUrl: "https://api.openai.com/v1",
    apiKeys: ["a", "b"],
    headers: {},
    forwardHeaders: [],
    keepAliveMs: 4_000,
    deadlines: {},
    breaker: {},
    source: "file",
  });
});

test("all that can be said of a provider arrives", () => {
  const provider = providerOf({
    type: "azure-openai",
    base_url: "https://x.openai.azure.com/",
    api_version: "2024-10-21",
    api_keys: ["k"],
    models: ["m"],
    headers: { "X-Team": "a" },
    forward_headers: ["X-Title"],
    keep_alive_ms: 9,
    deadlines: { connect_ms: 1, first_byte_ms: 2, idle_ms: 3, total_ms: 4 },
    breaker: {
      consecutive_failures: 1,
      failure_ratio: 0.5,
      minimum_requests: 2,
      window_ms: 3,
      open_ms: 4,
    },
  });
  expect(provider).toEqual({
    name: "p",
    type: "azure-openai",
    baseUrl: "https://x.openai.azure.com",
    apiVersion: "2024-10-21",
    apiKeys: ["k"],
    models: ["m"],
    headers: { "x-team": "a" },
    forwardHeaders: ["x-title"],
    keepAliveMs: 9,
    deadlines: { connectMs: 1, firstByteMs: 2, idleMs: 3, totalMs: 4 },
    breaker: {
      consecutiveFailures: 1,
      failureRatio: 0.5,
      minimumRequests: 2,
      windowMs: 3,
      openMs: 4,
    },
    source: "file",
  });
});

test("models take the retries of the defaults, and priority as their strategy", () => {
  const gateway = gatewayOf({
    providers: { p: { type: "demo" } },
    models: {
      fast: { targets: [{ provider: "p", model: "m", deadlines: { total_ms: 5 } }] },
      slow: { retries: 0, targets: [{ provider: "p", model: "n" }] },
    },
    defaults: { retries: 4, provider: "p" },
  });
  expect(gateway.models).toEqual([
    {
      alias: "fast",
      strategy: "priority",
      retries: 4,
      deadlines: {},
      targets: [{ provider: "p", model: "m", deadlines: { totalMs: 5 } }],
    },
    {
      alias: "slow",
      strategy: "priority",
      retries: 0,
      deadlines: {},
      targets: [{ provider: "p", model: "n", deadlines: {} }],
    },
  ]);
  expect(gateway.defaults).toEqual({ provider: "p", retries: 4, deadlines: {} });
  expect(gateway.namesModels).toBe(true);
});

test("an empty file names no models and says nothing of the default provider", () => {
  expect(gatewayOf({})).toEqual({
    providers: [],
    models: [],
    prices: [],
    judges: [],
    defaults: { retries: 2, deadlines: {} },
    namesModels: false,
  });
});

describe("base URLs", () => {
  test.each([
    ["openai", "http://127.0.0.1:9000", "http://127.0.0.1:9000/v1"],
    ["openai", "http://127.0.0.1:9000/v1/", "http://127.0.0.1:9000/v1"],
    ["openai", "http://127.0.0.1:9000/proxy//", "http://127.0.0.1:9000/proxy"],
    ["mistral", "https://Mistral.Example.com", "https://mistral.example.com/v1"],
    ["mistral", undefined, "https://api.mistral.ai/v1"],
    ["anthropic", undefined, "https://api.anthropic.com/v1"],
    ["anthropic", "https://proxy.example.com", "https://proxy.example.com/v1"],
    ["google", undefined, "https://generativelanguage.googleapis.com/v1beta"],
    ["google", "https://proxy.example.com/v1", "https://proxy.example.com/v1"],
    ["groq", "https://api.groq.com", "https://api.groq.com/openai/v1"],
    ["deepseek", undefined, "https://api.deepseek.com"],
    ["openrouter", "https://openrouter.ai", "https://openrouter.ai/api/v1"],
    ["ollama", "http://gpu:11434", "http://gpu:11434/v1"],
    ["ollama", undefined, "http://127.0.0.1:11434/v1"],
    ["vllm", "http://[::1]:8001", "http://[::1]:8001/v1"],
    ["openai-compatible", "https://llm.example.com", "https://llm.example.com"],
    ["azure-openai", "https://x.openai.azure.com/openai/v1/", "https://x.openai.azure.com"],
  ])("%s at %s is asked at %s", (type, base_url, baseUrl) => {
    expect(providerOf({ type, base_url }).baseUrl).toBe(baseUrl);
  });

  test.each([
    "127.0.0.1:9000",
    "localhost:9000/v1",
    "ftp://files.example.com",
    "https://user:word@llm.example.com",
    "https://llm.example.com/v1?key=word",
    "https://llm.example.com/v1#word",
    "https://llm.example.com/v1/chat/completions",
    "https://llm.example.com/v1/messages",
    "https://llm.example.com/v1/messages/count_tokens/",
    "https://llm.example.com/v1beta/models/gemini-3.8-flash:generateContent",
    "",
  ])("%s is refused, and not repeated", (base_url) => {
    const faults = faultsOf({ type: "openai", base_url });
    expect(faults).toEqual([expect.stringMatching(/^providers\.p\.base_url must/)]);
    expect(faults.join()).not.toContain("word@");
    expect(faults.join()).not.toContain("key=word");
  });

  test.each(["azure-openai", "vllm", "openai-compatible"])("%s needs one", (type) => {
    expect(faultsOf({ type })).toEqual([
      expect.stringContaining("providers.p.base_url is missing: it must be a URL"),
    ]);
  });
});

test("an unknown strategy names those that there are, and the one that was meant", () => {
  const models = { a: { strategy: "least-costs", targets: [{ provider: "p", model: "m" }] } };
  expect(messagesFor({ models })).toEqual([
    expect.stringContaining(
      'must be one of priority, weighted, least-latency, least-cost; did you mean "least-cost"?',
    ),
  ]);
});

test("an unknown type names the one that was meant", () => {
  expect(faultsOf({ type: "opnai" })).toEqual([expect.stringContaining('did you mean "openai"?')]);
  expect(faultsOf({})).toEqual([expect.stringContaining("providers.p.type is missing")]);
});

test("an unknown field names the one that was meant, at every level", () => {
  const messages = messagesFor({
    provders: {},
    providers: { p: { type: "openai", api_kyes: [], deadlines: { totl_ms: 1 } } },
    models: { a: { target: [], targets: [{ provider: "p", model: "m", wieght: 1 }] } },
  });
  expect(messages).toEqual([
    expect.stringMatching(
      /^providers\.p\.deadlines has no field "totl_ms" \(did you mean "total_ms"\?\)/,
    ),
    expect.stringMatching(/^providers\.p has no field "api_kyes" \(did you mean "api_keys"\?\)/),
    expect.stringMatching(
      /^models\.a\.targets\.0 has no field "wieght" \(did you mean "weight"\?\)/,
    ),
    expect.stringMatching(/^models\.a has no field "target" \(did you mean "targets"\?\)/),
    expect.stringMatching(/^ has no field "provders" \(did you mean "providers"\?\)/),
  ]);
});

test.each([
  ["a/b", 1, 0],
  ["gpt-4.1:latest@eu/x", 1, 0],
  ["-a", 1, 1],
  ["a b", 1, 1],
  ["a".repeat(129), 1, 1],
  ["a".repeat(128), 0, 0],
])("%s as a name: %i faults for a provider, %i for an alias", (name, forProvider, forAlias) => {
  expect(messagesFor({ providers: { [name]: { type: "demo" } } })).toHaveLength(forProvider);
  const models = { [name]: { targets: [{ provider: "p", model: "m" }] } };
  expect(messagesFor({ models })).toHaveLength(forAlias);
});

test("numbers are whole and within bounds, and lists are neither empty nor endless", () => {
  const targets = [{ provider: "p", model: "m" }];
  expect(
    messagesFor({
      providers: { p: { type: "openai", deadlines: { total_ms: "5" }, keep_alive_ms: 0 } },
      models: { a: { retries: 11, targets }, b: { retries: 1.5, targets }, c: { targets: [] } },
    }),
  ).toHaveLength(5);
});

test.each([
  "Authorization",
  "cookie",
  "X-Api-Key",
  "connection",
  "proxy-authorization",
  "host",
  "a b",
])("the client's %s is never passed on", (name) => {
  expect(faultsOf({ type: "openai", forward_headers: [name] })).toHaveLength(1);
});

test.each([
  ["Content-Length", "1"],
  ["transfer-encoding", "chunked"],
  ["x-split", "a\r\nb: c"],
])("the header %s: %j cannot be set", (name, value) => {
  expect(faultsOf({ type: "openai", headers: { [name]: value } })).toHaveLength(1);
});

test("a key with a line end in it is refused without being shown", () => {
  const faults = faultsOf({ type: "openai", api_keys: ["sk-word\n"] });
  expect(faults).toEqual([expect.stringContaining("providers.p.api_keys.0 must be an API key")]);
  expect(faults.join()).not.toContain("word");
});

test("the admin API takes the same fields, and a name", () => {
  const { name, ...input } = providerInputSchema.parse({
    name: "local",
    type: "vllm",
    base_url: "http://10.0.0.1:8001",
  });
  expect(normaliseProvider(name, input, "admin")).toMatchObject({
    name: "local",
    baseUrl: "http://10.0.0.1:8001/v1",
    source: "admin",
  });
  const refused = providerInputSchema.safeParse({ type: "openai", nmae: "x" });
  expect(refused.error?.issues.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^is missing/),
    expect.stringContaining('did you mean "name"?'),
  ]);
});
