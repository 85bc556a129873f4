import { z } from "zod";
import { tidyBaseUrl } from "./base-url.ts";
import {
  choice,
  fraction,
  listOf,
  mustBe,
  named,
  oneOf,
  strictFields,
  text,
  wholeNumber,
} from "./field-types.ts";
import {
  azureShape,
  deadlinesSchema,
  defaultKeepAliveMs,
  demoShape,
  hostedShape,
  modelName,
  providerTypes,
  selfHostedShape,
} from "./provider-shapes.ts";
import { vendorBaseUrl } from "./vendors.ts";
import { configuredEvaluators, judgesSchema } from "./judge-config.ts";
import type { NamedEvaluator } from "./judge-config.ts";
import {
  configuredPrices,
  pricedModelPattern,
  pricedModelRule,
  priceSchema,
  usdPerMillion,
} from "./price-config.ts";
import type { ConfiguredPrice } from "./price-config.ts";
import { picoUsdPerToken } from "./token-price.ts";

/** Providers and models, as the rest of Sentinel sees them. */
export interface GatewayConfig {
  readonly providers: readonly ProviderConfig[];
  readonly models: readonly ModelConfig[];
  /** The operator's own prices. */
  readonly prices: readonly ConfiguredPrice[];
  /** The operator's own evaluators. */
  readonly judges: readonly NamedEvaluator[];
  readonly defaults: {
    /** Takes the models that nobody else knows. */
    readonly provider?: string;
    readonly retries: number;
    readonly deadlines: DeadlinesConfig;
    readonly drainTokensMax?: number;
  };
  /** The file has a section `models`: a name that is not in it is more likely a mistake. */
  readonly namesModels: boolean;
}

export interface ProviderConfig {
  readonly name: string;
  readonly type: ProviderType;
  /** Without a slash at its end. Empty for `demo`, which calls nobody. */
  readonly baseUrl: string;
  readonly apiKeys: readonly string[];
  readonly apiVersion?: string;
  /** What the operator says that it has; absent, it is asked. */
  readonly models?: readonly string[];
  /** Sent with every request; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The client's headers that are passed on, beside those that go to its type anyway; in lower case. */
  readonly forwardHeaders: readonly string[];
  /** Whether the request's trace is sent on; absent: where it is a server of the operator's own. */
  readonly propagatesTrace?: boolean;
  readonly keepAliveMs: number;
  readonly deadlines: DeadlinesConfig;
  readonly breaker: BreakerConfig;
  readonly source: ProviderSource;
}

export interface ModelConfig {
  readonly alias: string;
  readonly strategy: ModelInput["strategy"];
  readonly retries: number;
  readonly deadlines: DeadlinesConfig;
  /** The answer of a client who left is read on, up to so many tokens; absent: it is cancelled. */
  readonly drainTokensMax?: number;
  readonly targets: readonly TargetConfig[];
}

export interface TargetConfig {
  readonly provider: string;
  readonly model: string;
  /** Its share of the requests, beside the other targets' weights; 0 only if those fail. */
  readonly weight?: number;
  /** What it costs the operator, in pico-dollars for a token; goes before the list price. */
  readonly price?: { readonly inputPicoUsd: number; readonly outputPicoUsd: number };
  readonly deadlines: DeadlinesConfig;
}

/** What the operator set. A target's go before its alias's, those before its provider's, then the defaults. */
export interface DeadlinesConfig {
  readonly connectMs?: number;
  readonly firstByteMs?: number;
  readonly idleMs?: number;
  readonly totalMs?: number;
}

export interface BreakerConfig {
  readonly consecutiveFailures?: number;
  readonly failureRatio?: number;
  readonly minimumRequests?: number;
  readonly windowMs?: number;
  readonly openMs?: number;
}

export type ProviderType = ProviderInput["type"];
export type ProviderSource = "file" | "environment" | "admin";

const providerNameRule = 'letters, digits and . _ : @ - (no "/"), at most 128, not a sign first';
/** What a provider may be called. */
export const providerNamePattern = /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$/;
const providerName = () =>
  text({ pattern: providerNamePattern, rule: `must be ${providerNameRule}` });
const aliasRule = "letters, digits and . _ : @ / -, at most 128, not a sign first";
const alias = () =>
  text({ pattern: /^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}$/, rule: `must be ${aliasRule}` });
const providerReference = () => text({ pattern: /\S/, rule: "must be the name of a provider" });
const retries = () =>
  wholeNumber({ min: 0, max: 10 })
    .optional()
    .describe("How often a target is tried again before the next one; 2 if not given.");

const typeError = {
  error: (issue: { readonly code: string; readonly input?: unknown }) =>
    issue.code === "invalid_union"
      ? choice(fieldOf(issue.input, "type"), providerTypes)
      : mustBe("must hold fields, first of all its type")(issue),
};

const providerSchema = z.discriminatedUnion(
  "type",
  [
    strictFields(hostedShape),
    strictFields(azureShape),
    strictFields(selfHostedShape),
    strictFields(demoShape),
  ],
  typeError,
);

/** A provider as `sentinel.yaml` writes it. */
export type ProviderInput = z.output<typeof providerSchema>;

/** The same fields and its name: what the admin API takes. */
export const providerInputSchema = z.discriminatedUnion(
  "type",
  [
    strictFields({ name: providerName(), ...hostedShape }),
    strictFields({ name: providerName(), ...azureShape }),
    strictFields({ name: providerName(), ...selfHostedShape }),
    strictFields({ name: providerName(), ...demoShape }),
  ],
  typeError,
);

const weightMax = 1_000_000;

const targetSchema = strictFields({
  provider: providerReference().describe("One of the providers, by its name."),
  model: modelName().describe("The model as the provider calls it."),
  weight: fraction({ min: 0, max: weightMax })
    .optional()
    .describe(
      "For weighted: its share, beside the others' weights; 1 if not given, 0 is a reserve.",
    ),
  price: strictFields({
    input_per_million_usd: usdPerMillion().describe("US dollars for a million tokens of input."),
    output_per_million_usd: usdPerMillion().describe("US dollars for a million tokens of output."),
  })
    .optional()
    .describe(
      "What it costs you, where that is not the list price; for more than this see prices.",
    ),
  deadlines: deadlinesSchema.optional(),
});

const onDisconnect = () =>
  oneOf(["abort", "drain"])
    .optional()
    .describe(
      "What becomes of an answer whose client left: abort cancels it and bills what was delivered, estimated; drain reads it to its end and bills what the provider counts.",
    );
const drainTokens = () =>
  wholeNumber({ min: 1, max: 1_000_000 })
    .optional()
    .describe(`With drain: after so many tokens it is cancelled after all; ${drainTokensDefault}.`);
const drainTokensDefault = 4_096;

const modelSchema = strictFields({
  strategy: oneOf(["priority", "weighted", "least-latency", "least-cost"])
    .default("priority")
    .describe(
      "Which target is asked first. priority: the first as written; weighted: each in proportion to its weight; least-latency: the fastest of late; least-cost: the cheapest for the request.",
    ),
  retries: retries(),
  deadlines: deadlinesSchema.optional(),
  on_disconnect: onDisconnect(),
  drain_tokens: drainTokens(),
  targets: listOf(targetSchema, { min: 1, max: 50 }).describe("What may serve the model."),
}).superRefine(({ strategy, targets }, context) => {
  const weights = targets.map(({ weight }) => weight);
  const say = (index: number, message: string) => {
    context.addIssue({ code: "custom", path: ["targets", index, "weight"], message });
  };
  const firstGiven = weights.findIndex((weight) => weight !== undefined);
  if (strategy !== "weighted" && firstGiven !== -1) {
    say(
      firstGiven,
      `does nothing with the strategy ${strategy}; remove it, or set strategy: weighted`,
    );
  }
  if (strategy === "weighted" && weights.every((weight) => weight === 0)) {
    say(0, "must be above 0 for one of the targets at least");
  }
});

type ModelInput = z.output<typeof modelSchema>;

const defaultsSchema = strictFields({
  provider: providerReference()
    .optional()
    .describe("Takes the models that no other provider is known to have."),
  retries: retries(),
  deadlines: deadlinesSchema.optional(),
  on_disconnect: onDisconnect(),
  drain_tokens: drainTokens(),
});

const pricedModel = () => text({ pattern: pricedModelPattern, rule: `must be ${pricedModelRule}` });

const pricesSchema = named(
  providerName(),
  named(pricedModel(), priceSchema, pricedModelRule),
  providerNameRule,
);

/** The whole of `sentinel.yaml`. That targets name providers which exist is checked apart from it. */
export const gatewayConfigSchema = strictFields({
  providers: named(providerName(), providerSchema, providerNameRule)
    .optional()
    .describe(
      "Who answers, by name. Without them providers come from OPENAI_API_KEY and the like.",
    ),
  models: named(alias(), modelSchema, aliasRule)
    .optional()
    .describe("Names of your own for models, with the targets that may serve each."),
  prices: pricesSchema
    .optional()
    .describe(
      "What models cost you where that is not the list price: by provider, then by the model's name or by how it begins and a *.",
    ),
  judges: judgesSchema
    .optional()
    .describe("Evaluators of your own, by name, beside those that Sentinel brings along."),
  defaults: defaultsSchema.optional().describe("What holds where nothing else is said."),
});

export type GatewayInput = z.output<typeof gatewayConfigSchema>;

/** What the file says, with every default that is ours to give. `otherwise` are the providers if it names none. */
export function normaliseGateway(
  { providers = {}, models, prices, judges, defaults }: GatewayInput,
  otherwise: readonly ProviderConfig[],
): GatewayConfig {
  const written = Object.entries(providers);
  const used =
    written.length === 0
      ? otherwise
      : written.map(([name, input]) => normaliseProvider(name, input, "file"));
  const retriesIfNotGiven = defaults?.retries ?? defaultRetries;
  const makeshift = used.find(({ type, source }) => type === "demo" && source === "environment");
  return {
    providers: used,
    models: Object.entries(models ?? {}).map(([name, model]) => ({
      alias: name,
      strategy: model.strategy,
      retries: model.retries ?? retriesIfNotGiven,
      deadlines: deadlinesOf(model.deadlines),
      ...given({ drainTokensMax: drainOf(model, defaults) }),
      targets: model.targets.map(targetOf),
    })),
    prices: configuredPrices(prices ?? {}),
    judges: configuredEvaluators(judges ?? {}),
    defaults: {
      ...given({
        provider: defaults?.provider ?? makeshift?.name,
        drainTokensMax: drainOf(defaults, undefined),
      }),
      retries: retriesIfNotGiven,
      deadlines: deadlinesOf(defaults?.deadlines),
    },
    namesModels: models !== undefined,
  };
}

const defaultRetries = 2;

type DisconnectInput = Pick<ModelInput, "on_disconnect" | "drain_tokens">;

function drainOf(
  own: DisconnectInput | undefined,
  otherwise: DisconnectInput | undefined,
): number | undefined {
  if ((own?.on_disconnect ?? otherwise?.on_disconnect) !== "drain") return undefined;
  return own?.drain_tokens ?? otherwise?.drain_tokens ?? drainTokensDefault;
}

function targetOf(input: ModelInput["targets"][number]): TargetConfig {
  const { provider, model, weight, price, deadlines } = input;
  const inputPicoUsd = price && picoUsdPerToken(price.input_per_million_usd);
  const outputPicoUsd = price && picoUsdPerToken(price.output_per_million_usd);
  const isPriced = inputPicoUsd !== undefined && outputPicoUsd !== undefined;
  return {
    provider,
    model,
    ...given({ weight, price: isPriced ? { inputPicoUsd, outputPicoUsd } : undefined }),
    deadlines: deadlinesOf(deadlines),
  };
}

/** A provider with its type's defaults and its URL in the one spelling. */
export function normaliseProvider(
  name: string,
  input: ProviderInput,
  source: ProviderSource,
): ProviderConfig {
  const fields: Partial<ConnectedInput> = input.type === "demo" ? {} : input;
  const breaker = fields.breaker ?? {};
  return {
    name,
    type: input.type,
    baseUrl: baseUrlOf(input),
    apiKeys: [...new Set(fields.api_keys)],
    ...given({
      apiVersion: input.type === "azure-openai" ? input.api_version : undefined,
      models: input.models,
      propagatesTrace: fields.propagate_trace,
    }),
    headers: lowerCaseNames(fields.headers ?? {}),
    forwardHeaders: [...new Set(fields.forward_headers?.map((header) => header.toLowerCase()))],
    keepAliveMs: fields.keep_alive_ms ?? defaultKeepAliveMs,
    deadlines: deadlinesOf(fields.deadlines),
    breaker: given({
      consecutiveFailures: breaker.consecutive_failures,
      failureRatio: breaker.failure_ratio,
      minimumRequests: breaker.minimum_requests,
      windowMs: breaker.window_ms,
      openMs: breaker.open_ms,
    }),
    source,
  };
}

/** The fields of every provider that is somewhere else. */
type ConnectedInput = Omit<Exclude<ProviderInput, { type: "demo" }>, "type">;

function baseUrlOf(input: ProviderInput): string {
  switch (input.type) {
    case "openai-compatible":
      return tidyBaseUrl(input.base_url, "");
    case "azure-openai": // the adapter adds what Azure's portal shows as part of the endpoint
      return tidyBaseUrl(input.base_url, "").replace(/\/openai(\/v1)?$/, "");
    case "demo":
      return "";
    default:
      return vendorBaseUrl(input.type, input.base_url);
  }
}

const deadlinesOf = (input: z.output<typeof deadlinesSchema> = {}): DeadlinesConfig =>
  given({
    connectMs: input.connect_ms,
    firstByteMs: input.first_byte_ms,
    idleMs: input.idle_ms,
    totalMs: input.total_ms,
  });

const lowerCaseNames = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** Only the fields that have a value. */
function given<Fields extends object>(fields: Fields): Given<Fields> {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as Given<Fields>;
}

type Given<Fields> = { readonly [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
