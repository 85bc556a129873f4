import type {
  BreakerConfig,
  GatewayConfig,
  ModelConfig,
  ProviderConfig,
  TargetConfig,
} from "./config/gateway-config.ts";
import { fileVersion } from "./config/price-config.ts";
import type { ConfiguredPrice } from "./config/price-config.ts";
import { isPrivateHost } from "./http/private-host.ts";
import type { Clock } from "./lib/clock.ts";
import { KeyRing } from "./providers/key-ring.ts";
import type { BegunRest } from "./providers/key-ring.ts";
import { defaultDeadlines } from "./providers/deadlines.ts";
import type { Deadlines } from "./providers/deadlines.ts";
import { demoModel, demoProvider } from "./providers/demo/adapter.ts";
import { messagesThroughChat } from "./providers/messages/through-chat.ts";
import { ModelList } from "./providers/model-lists.ts";
import { ModelRoutes } from "./providers/model-routes.ts";
import type { ProviderEntry } from "./providers/model-routes.ts";
import { defaultBreakerRules } from "./providers/policies/breaker.ts";
import type { BreakerRules } from "./providers/policies/breaker.ts";
import type { ProviderStatus } from "./providers/provider-status.ts";
import type { ListedPrice } from "./providers/prices/price-list.ts";
import type { Quote } from "./providers/prices/quote.ts";
import { Quotes } from "./providers/prices/quotes.ts";
import type { AliasEntry } from "./providers/routing/build-routes.ts";
import { newConversationHomes } from "./providers/routing/conversation-homes.ts";
import { ProviderHealth } from "./providers/target-health.ts";
import { upstreamPlace } from "./providers/upstream-place.ts";
import { openPools } from "./providers/transport/pools.ts";
import { maskSecret } from "./tenants/api-key.ts";
import { adapterOf } from "./wiring-adapters.ts";

export interface PricedConfig {
  readonly config: GatewayConfig;
  readonly listedPrice: ListedPrice;
  /** Those that were made through the admin API. */
  readonly storedPrices?: readonly ConfiguredPrice[];
}

/**
 * The list of what vendors charge. To load it takes 50 ms of a start, so it is not loaded where nobody needs it, and
 * the first call may come long before the list is waited for: it is loaded once.
 */
export async function priceListFor({
  providers,
}: Pick<GatewayConfig, "providers">): Promise<ListedPrice> {
  if (providers.every(({ type }) => unlistedTypes.has(type))) return () => undefined;
  return (await import("./providers/prices/price-list.ts")).listedPrice;
}

const unlistedTypes: ReadonlySet<ProviderConfig["type"]> = new Set(["demo", "ollama", "vllm"]);

/** Hears of each key that begins to rest. */
export type OnKeyRest = (rest: BegunRest & { readonly provider: string }) => void;

/**
 * The routes of the configuration in force. A new configuration takes their place as a whole: requests that
 * run keep the routes with which they began. A provider that did not change keeps its connections.
 */
export class RouteTable {
  readonly #clock: Clock;
  readonly #onKeyRest: OnKeyRest;
  #opened = new Map<string, OpenedProvider>();
  /** What an earlier configuration had, and the timer after which it is closed. */
  readonly #retired = new Map<OpenedProvider, NodeJS.Timeout>();
  /** What the models of a provider cost that is gone: requests that run with it are still to be billed. */
  readonly #formerQuotes = new Map<string, Quotes>();
  readonly #homes = newConversationHomes();
  #routes: ModelRoutes;
  #quotes: Quotes;
  #warnings: readonly string[] = [];
  #modelNames: readonly string[] = [];

  constructor(priced: PricedConfig, clock: Clock, onKeyRest: OnKeyRest) {
    this.#clock = clock;
    this.#onKeyRest = onKeyRest;
    this.#quotes = this.#quotesOf(priced);
    this.#routes = this.#build(priced);
  }

  get current(): ModelRoutes {
    return this.#routes;
  }

  /** What the operator should know of the configuration in force, in sentences. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /**
   * What a model of a provider costs, under the configuration in force; undefined where nobody knows. A look-up in a
   * map, but for the first time.
   */
  quoteOf(providerName: string, model: string): Quote | undefined {
    return (
      this.#quotes.quoteOf(providerName, model) ??
      this.#formerQuotes.get(providerName)?.quoteOf(providerName, model)
    );
  }

  /** How a provider is doing; undefined for one that is not in use. */
  statusOf(providerName: string): ProviderStatus | undefined {
    const keys = this.#opened.get(providerName)?.entry.keys.status();
    return keys && { targets: this.#routes.statusOf(providerName), keys };
  }

  /** Those in force. */
  get providerNames(): readonly string[] {
    return [...this.#opened.keys()];
  }

  /** What the operator has named: aliases, and the models of providers. */
  get modelNames(): readonly string[] {
    return this.#modelNames;
  }

  replace(priced: PricedConfig): void {
    const before = { opened: this.#opened, quotes: this.#quotes };
    this.#quotes = this.#quotesOf(priced);
    this.#routes = this.#build(priced);
    for (const [name, opened] of before.opened) {
      if (this.#opened.get(name) === opened) continue;
      if (!this.#opened.has(name)) this.#formerQuotes.set(name, before.quotes);
      this.#retire(opened, name);
    }
    for (const name of this.#opened.keys()) this.#formerQuotes.delete(name);
  }

  /** At the end, when no request runs any more: what does is a provider being asked for its models. */
  async destroy(): Promise<void> {
    for (const timer of this.#retired.values()) clearTimeout(timer);
    const all = [...this.#opened.values(), ...this.#retired.keys()];
    await Promise.all(all.map((opened) => opened.destroy()));
  }

  /** A request that runs may still come back to it, with a retry or by falling back. */
  #retire(opened: OpenedProvider, name: string): void {
    const quotes = this.#formerQuotes.get(name);
    const timer = setTimeout(() => {
      this.#retired.delete(opened);
      // It may have come back, and gone again, since.
      if (this.#formerQuotes.get(name) === quotes) this.#formerQuotes.delete(name);
      void opened.close();
    }, defaultDeadlines.totalMs);
    this.#retired.set(opened, timer.unref());
  }

  #quotesOf({ config, listedPrice, storedPrices = [] }: PricedConfig): Quotes {
    return new Quotes({
      providers: config.providers,
      prices: [...config.models.flatMap(targetPrices), ...config.prices, ...storedPrices],
      listedPrice,
      clock: this.#clock,
    });
  }

  #build({ config, storedPrices = [] }: PricedConfig): ModelRoutes {
    const opened = new Map<string, OpenedProvider>();
    for (const provider of config.providers) {
      const effective = withDefaults(provider, config);
      const identity = JSON.stringify(effective);
      const known = this.#opened.get(provider.name);
      opened.set(
        provider.name,
        known?.identity === identity ? known : this.#open(effective, identity),
      );
    }
    this.#opened = opened;
    this.#modelNames = [
      ...config.models.map(({ alias }) => alias),
      ...config.providers.flatMap(({ models }) => models ?? []),
    ];
    const quotes = this.#quotes;
    const aliases = config.models.map((model) =>
      aliasEntry(model, opened, ({ provider, model: name }) => quotes.quoteOf(provider, name)),
    );
    this.#warnings = [
      ...aliases.flatMap(unpricedWarnings),
      ...config.models.flatMap(targetPrices).flatMap(conflictWarnings),
      ...[...config.prices, ...storedPrices].flatMap((price) => strangerWarnings(price, opened)),
    ];
    const routes = new ModelRoutes({
      providers: [...opened.values()].map(({ entry }) => entry),
      aliases,
      defaultProviderName: config.defaults.provider,
      defaultRetries: config.defaults.retries,
      defaultDrainTokensMax: config.defaults.drainTokensMax,
      namesModels: config.namesModels,
      clock: this.#clock,
      homes: this.#homes,
      random: Math.random,
    });
    routes.warmUp();
    return routes;
  }

  #open(config: EffectiveProvider, identity: string): OpenedProvider {
    const { name, deadlines } = config;
    const shared = {
      name,
      models: config.models,
      deadlines,
      health: new ProviderHealth(breakerRules(config.breaker), this.#clock),
      keys: new KeyRing(config.apiKeys, this.#clock, {
        mask: maskSecret,
        onRest: (rest) => {
          this.#onKeyRest({ provider: name, ...rest });
        },
      }),
    };
    if (config.type === "demo") {
      const entry = {
        ...shared,
        models: [demoModel],
        adapter: messagesThroughChat(demoProvider),
        list: undefined,
        modelPrefixes: [],
      };
      const nothing = (): Promise<void> => Promise.resolve();
      return { identity, entry, close: nothing, destroy: nothing };
    }
    const { type, apiVersion, baseUrl, apiKeys, headers, forwardHeaders } = config;
    const pools = openPools({
      origin: new URL(baseUrl).origin,
      connectMs: deadlines.connectMs,
      keepAliveMs: config.keepAliveMs,
    });
    const propagatesTrace = isTraceSentTo(config);
    const options = {
      name,
      baseUrl,
      apiKeys,
      headers,
      forwardHeaders,
      propagatesTrace,
      pools,
    };
    const adapter = adapterOf({ type, apiVersion }, options);
    const { fetchModels } = adapter;
    const hasList = fetchModels !== undefined && config.models === undefined;
    const entry = {
      ...shared,
      place: JSON.stringify([type, baseUrl, apiVersion ?? null, headers]),
      forwardHeaders,
      upstream: upstreamPlace(type, baseUrl),
      adapter: adapter.provider,
      list: hasList ? new ModelList(fetchModels, this.#clock) : undefined,
      modelPrefixes: adapter.modelPrefixes,
    };
    return { identity, entry, close: () => pools.close(), destroy: () => pools.destroy() };
  }
}

/** Not to a vendor, who has no business to know whose requests belong together. */
function isTraceSentTo({ type, baseUrl, propagatesTrace }: EffectiveProvider): boolean {
  if (propagatesTrace !== undefined) return propagatesTrace;
  if (type === "vllm" || type === "ollama") return !isOllamasOwn(baseUrl);
  return type === "openai-compatible" && isPrivateHost(new URL(baseUrl).hostname);
}

/** The vendor's cloud speaks like the program. */
const isOllamasOwn = (baseUrl: string): boolean =>
  /(^|\.)ollama\.com$/.test(new URL(baseUrl).hostname);

interface OpenedProvider {
  /** What it was made from: another text means another provider. */
  readonly identity: string;
  readonly entry: ProviderEntry;
  /** After the requests that run. */
  close(): Promise<void>;
  /** At once. */
  destroy(): Promise<void>;
}

type EffectiveProvider = Omit<ProviderConfig, "deadlines"> & { readonly deadlines: Deadlines };

function breakerRules(config: BreakerConfig): BreakerRules {
  const rules = { ...defaultBreakerRules, ...config };
  return { ...rules, openMaxMs: Math.max(rules.openMs, rules.openMaxMs) };
}

function withDefaults(provider: ProviderConfig, { defaults }: GatewayConfig): EffectiveProvider {
  return {
    ...provider,
    deadlines: { ...defaultDeadlines, ...defaults.deadlines, ...provider.deadlines },
  };
}

function aliasEntry(
  model: ModelConfig,
  opened: ReadonlyMap<string, OpenedProvider>,
  quoteOfTarget: (target: TargetConfig) => Quote | undefined,
): AliasEntry {
  return {
    alias: model.alias,
    strategy: model.strategy,
    retries: model.retries,
    drainTokensMax: model.drainTokensMax,
    targets: model.targets.map((target) => ({
      providerName: target.provider,
      model: target.model,
      weight: target.weight ?? 1,
      quote: () => quoteOfTarget(target),
      deadlines: {
        ...(opened.get(target.provider)?.entry.deadlines ?? defaultDeadlines),
        ...model.deadlines,
        ...target.deadlines,
      },
    })),
  };
}

/** The prices that stand with an alias's targets. They are the model's, under whichever name it is asked for. */
function targetPrices({ alias, targets }: ModelConfig): readonly TargetPrice[] {
  return targets.flatMap(({ provider, model, price }) =>
    price === undefined
      ? []
      : [
          {
            alias,
            provider,
            model,
            version: fileVersion(price),
            source: "file" as const,
            amounts: price,
          },
        ],
  );
}

type TargetPrice = ConfiguredPrice & { readonly alias: string };

function unpricedWarnings({ alias, strategy, targets }: AliasEntry): readonly string[] {
  if (strategy !== "least-cost") return [];
  return targets
    .filter(({ quote }) => quote() === undefined)
    .map(
      ({ providerName, model }) =>
        `models.${alias}: the price of ${providerName}/${model} is not known, so it is asked last; give the target a price.`,
    );
}

/** A model has one price, so that its cost does not depend on the alias. */
function conflictWarnings(
  { alias, provider, model, version }: TargetPrice,
  _index: number,
  all: readonly TargetPrice[],
): readonly string[] {
  const first = all.find((other) => other.provider === provider && other.model === model);
  if (first === undefined || first.version === version) return [];
  return [
    `models.${alias}: ${provider}/${model} has another price in models.${first.alias}, which is the one that counts; make them the same.`,
  ];
}

function strangerWarnings(
  { provider, model, source }: ConfiguredPrice,
  opened: ReadonlyMap<string, OpenedProvider>,
): readonly string[] {
  if (opened.has(provider)) return [];
  const place = source === "file" ? `prices.${provider}` : "The stored prices";
  return [`${place}: there is no provider "${provider}", so the price of ${model} is for nobody.`];
}
