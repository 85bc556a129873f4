import type {
  BreakerConfig,
  GatewayConfig,
  ModelConfig,
  ProviderConfig,
} from "./config/gateway-config.ts";
import type { Clock } from "./lib/clock.ts";
import { KeyRing } from "./providers/key-ring.ts";
import { defaultDeadlines } from "./providers/deadlines.ts";
import type { Deadlines } from "./providers/deadlines.ts";
import { demoModel, demoProvider } from "./providers/demo/adapter.ts";
import { ModelList } from "./providers/model-lists.ts";
import { ModelRoutes } from "./providers/model-routes.ts";
import type { AliasEntry, ProviderEntry } from "./providers/model-routes.ts";
import { defaultBreakerRules } from "./providers/policies/breaker.ts";
import type { BreakerRules } from "./providers/policies/breaker.ts";
import { openPools } from "./providers/transport/pools.ts";
import { adapterOf } from "./wiring-adapters.ts";

/**
 * The routes of the configuration in force. A new configuration takes their place as a whole: requests that
 * run keep the routes with which they began. A provider that did not change keeps its connections.
 */
export class RouteTable {
  readonly #clock: Clock;
  #opened = new Map<string, OpenedProvider>();
  /** What an earlier configuration had, and the timer after which it is closed. */
  readonly #retired = new Map<OpenedProvider, NodeJS.Timeout>();
  #routes: ModelRoutes;

  constructor(config: GatewayConfig, clock: Clock) {
    this.#clock = clock;
    this.#routes = this.#build(config);
  }

  get current(): ModelRoutes {
    return this.#routes;
  }

  replace(config: GatewayConfig): void {
    const before = this.#opened;
    this.#routes = this.#build(config);
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

  #build(config: GatewayConfig): ModelRoutes {
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
    const routes = new ModelRoutes({
      providers: [...opened.values()].map(({ entry }) => entry),
      aliases: config.models.map((model) => aliasEntry(model, opened)),
      defaultProviderName: config.defaults.provider,
      defaultRetries: config.defaults.retries,
      namesModels: config.namesModels,
      clock: this.#clock,
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
      breakerRules: breakerRules(config.breaker),
      keys: new KeyRing(config.apiKeys, this.#clock),
    };
    if (config.type === "demo") {
      const entry = {
        ...shared,
        models: [demoModel],
        adapter: demoProvider,
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

function aliasEntry(model: ModelConfig, opened: ReadonlyMap<string, OpenedProvider>): AliasEntry {
  return {
    alias: model.alias,
    retries: model.retries,
    targets: model.targets.map((target) => ({
      providerName: target.provider,
      model: target.model,
      deadlines: {
        ...(opened.get(target.provider)?.entry.deadlines ?? defaultDeadlines),
        ...model.deadlines,
        ...target.deadlines,
      },
    })),
  };
}
