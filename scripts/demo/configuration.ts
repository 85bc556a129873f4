/** `sentinel.yaml` of the demo (JSON is YAML): three providers that work, more or less, and one whose key is refused. */
export function demoConfiguration(baseUrl: string): string {
  const provider = (
    type: string,
    apiKeys: readonly string[],
    prefix: string,
    more: object = {},
  ) => ({
    type,
    base_url: baseUrl,
    api_keys: apiKeys,
    models: modelsOf(prefix),
    ...more,
  });
  return JSON.stringify({
    providers: {
      "mock-atlas": provider("openai", ["demo-key-of-atlas"], "atlas"),
      // The first of its keys was revoked: it rests, and the other one serves.
      "mock-borealis": provider(
        "openai-compatible",
        ["demo-key-revoked", "demo-key-of-borealis"],
        "borealis",
      ),
      "mock-cirrus": provider("openai-compatible", ["demo-key-of-cirrus"], "cirrus", {
        breaker: { consecutive_failures: 4, open_ms: 4_000 },
      }),
      "mock-dormant": provider("openai-compatible", ["demo-key-refused"], "dormant"),
    },
    models: demoModels,
    prices: demoPrices,
    defaults: { retries: 1 },
  });
}

const names = {
  atlas: ["large", "mini", "reasoning", "costly", "support", "judge", "critic", "embed"],
  borealis: ["chat", "mini"],
  cirrus: ["unsteady", "slow", "cut", "busy", "down", "strict"],
  dormant: ["chat"],
} as const;

function modelsOf(prefix: string): readonly string[] {
  const [, own = []] = Object.entries(names).find(([name]) => name === prefix) ?? [];
  return own.map((name) => `${prefix}-${name}`);
}

const target = (model: string, more: object = {}): object => ({
  provider: `mock-${model.split("-")[0] ?? ""}`,
  model,
  ...more,
});

/** What the demo's clients ask for. */
const demoModels = {
  assistant: {
    strategy: "weighted",
    targets: [target("atlas-large", { weight: 3 }), target("borealis-chat", { weight: 1 })],
  },
  quick: { strategy: "least-latency", targets: [target("atlas-mini"), target("borealis-mini")] },
  thinker: { targets: [target("atlas-reasoning")] },
  support: { targets: [target("atlas-support")] },
  critic: { targets: [target("atlas-critic")] },
  "with-fallback": { targets: [target("cirrus-unsteady"), target("atlas-mini")] },
  impatient: {
    retries: 1,
    targets: [
      target("cirrus-slow", { deadlines: { first_byte_ms: 250 } }),
      target("borealis-mini"),
    ],
  },
  hasty: {
    retries: 0,
    targets: [target("cirrus-slow", { deadlines: { first_byte_ms: 200 } })],
  },
  breaking: { retries: 0, targets: [target("cirrus-cut")] },
  busy: { targets: [target("cirrus-busy")] },
  "much-asked": { retries: 0, targets: [target("cirrus-busy")] },
  fragile: { retries: 0, targets: [target("cirrus-down"), target("borealis-mini")] },
  "dead-end": { retries: 0, targets: [target("cirrus-down")] },
  strict: { targets: [target("cirrus-strict")] },
  revoked: { targets: [target("dormant-chat")] },
} as const;

const price = (input: string, output: string, more: object = {}): object => ({
  input_per_million_usd: input,
  output_per_million_usd: output,
  ...more,
});

/** In the order of what vendors take, so that the panels of costs look like such. */
const demoPrices = {
  "mock-atlas": {
    "atlas-large": price("2.5", "10", { cached_input_per_million_usd: "1.25" }),
    "atlas-mini": price("0.15", "0.6"),
    "atlas-reasoning": price("2", "8"),
    "atlas-costly": price("10", "30"),
    "atlas-support": price("0.4", "1.6"),
    "atlas-judge": price("0.1", "0.4"),
    "atlas-critic": price("0.15", "0.6"),
    "atlas-embed": price("0.02", "0"),
  },
  "mock-borealis": { "borealis-*": price("3", "15") },
  // mock-cirrus has no prices: what it serves is unpriced, as a model of one's own would be.
} as const;
