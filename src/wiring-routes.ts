import type {
  BreakerConfig,
  GatewayConfig,
  ModelConfig,
  ProviderConfig,
  TargetConfig,
} from "./config/gateway-config.ts";
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
import type { Price } from "./providers/prices/price.ts";
import type { AliasEntry } from "./providers/routing/build-routes.ts";
import { newConversationHomes } from "./providers/routing/conversation-homes.ts";
import { ProviderHealth } from "./providers/target-health.ts";
import { openPools } from "./providers/transport/pools.ts";
import { maskSecret } from "./tenants/api-key.ts";
import { adapterOf } from "./wiring-adapters.ts";

export interface PricedConfig {
  readonly config: GatewayConfig;
  readonly listedPrice: ListedPrice;
}

/** Loaded only where something asks for it: that takes 50 ms of the start. */
export async function priceListFor({ models }: GatewayConfig): Promise<ListedPrice> {
  if (models.every(({ strategy }) => strategy !== "least-cost")) return () => undefined;
  return (await import("./providers/prices/price-list.ts")).listedPrice;
}

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
  readonly #homes = newConversationHomes();
  #routes: ModelRoutes;
  #warnings: readonly string[] = [];

  constructor(priced: PricedConfig, clock: Clock, onKeyRest: OnKeyRest) {
    this.#clock = clock;
    this.#onKeyRest = onKeyRest;
    this.#routes = this.#build(priced);
  }

  get current(): ModelRoutes {
    return this.#routes;
  }

  /** What the operator should know of the configuration in force, in sentences. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** How a provider is doing; undefined for one that is not in use. */
  statusOf(providerName: string): ProviderStatus | undefined {
    const keys = this.#opened.get(providerName)?.entry.keys.status();
    return keys && { targets: this.#routes.statusOf(providerName), keys };
  }

  replace(priced: PricedConfig): void {
    const before = this.#opened;
    this.#routes = this.#build(priced);
    for (const [name, opened] of before) {
      if (this.#opened.get(name) !== opened) this.#retire(opened);
    }
  }

  /** At the end, when no request runs any more: what does is a provider being asked for its models. */
  async destroy(): Promise<void> {
    for (const timer of this.#retired.values()) clearTimeout(timer);
    const all = [...this.#opened.values(), ...this.#retired.keys()];
    await Promise.all(all.map((opened) => opened.destroy()));
  }

  /** A request that runs may still come back to it, with a retry or by falling back. */
  #retire(opened: OpenedProvider): void {
    const timer = setTimeout(() => {
      this.#retired.delete(opened);
      void opened.close();
    }, defaultDeadlines.totalMs);
    this.#retired.set(opened, timer.unref());
  }

  #build({ config, listedPrice }: PricedConfig): ModelRoutes {
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
    const aliases = config.models.map((model) =>
      aliasEntry(model, opened, (target) => priceOf(target, config.providers, listedPrice)),
    );
    this.#warnings = aliases.flatMap(unpricedWarnings);
    const routes = new ModelRoutes({
      providers: [...opened.values()].map(({ entry }) => entry),
      aliases,
      defaultProviderName: config.defaults.provider,
      defaultRetries: config.defaults.retries,
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
    const options = { name, baseUrl, apiKeys, headers, forwardHeaders, pools };
    const adapter = adapterOf({ type, apiVersion }, options);
    const { fetchModels } = adapter;
    const hasList = fetchModels !== undefined && config.models === undefined;
    const entry = {
      ...shared,
      adapter: adapter.provider,
      list: hasList ? new ModelList(fetchModels, this.#clock) : undefined,
      modelPrefixes: adapter.modelPrefixes,
    };
    return { identity, entry, close: () => pools.close(), destroy: () => pools.destroy() };
  }
}

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
  priceOfTarget: (target: TargetConfig) => Price | undefined,
): AliasEntry {
  return {
    alias: model.alias,
    strategy: model.strategy,
    retries: model.retries,
    targets: model.targets.map((target) => ({
      providerName: target.provider,
      model: target.model,
      weight: target.weight ?? 1,
      price: model.strategy === "least-cost" ? priceOfTarget(target) : undefined,
      deadlines: {
        ...(opened.get(target.provider)?.entry.deadlines ?? defaultDeadlines),
        ...model.deadlines,
        ...target.deadlines,
      },
    })),
  };
}

/** The operator's own price, otherwise the list's. Looked up once, since a look-up costs 70 µs. */
function priceOf(
  { provider, model, price }: TargetConfig,
  providers: readonly ProviderConfig[],
  listedPrice: ListedPrice,
): Price | undefined {
  if (price !== undefined) return [{ aboveInputTokens: 0, ...price }];
  const config = providers.find(({ name }) => name === provider);
  return config === undefined ? undefined : listedPrice(config, model);
}

function unpricedWarnings({ alias, strategy, targets }: AliasEntry): readonly string[] {
  if (strategy !== "least-cost") return [];
  return targets
    .filter(({ price }) => price === undefined)
    .map(
      ({ providerName, model }) =>
        `models.${alias}: the price of ${providerName}/${model} is not known, so it is asked last; give the target a price.`,
    );
}
