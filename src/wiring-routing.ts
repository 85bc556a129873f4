import type { GatewayConfig, ProviderConfig } from "./config/gateway-config.ts";
import { PartHealth } from "./lib/part-health.ts";
import type { Log } from "./telemetry/log.ts";
import type { SecretBox } from "./tenants/secret-box.ts";
import { loadStoredPrices } from "./tenants/stored-prices.ts";
import { loadStoredProviders } from "./tenants/stored-providers.ts";
import { priceListFor, RouteTable } from "./wiring-routes.ts";
import type { OnKeyRest, PricedConfig } from "./wiring-routes.ts";
import type { Stores, StoreTools } from "./wiring-stores.ts";

/** The routes in force, made of the configuration and of what is stored. */
export interface Routing {
  readonly table: RouteTable;
  readonly health: PartHealth;
  /** What the file or the environment says, which the admin API shows and does not change. */
  configured(): GatewayConfig;
  reload(config: GatewayConfig): Promise<void>;
  /** After a stored provider has changed. */
  refresh(): Promise<void>;
}

export async function openRouting(
  config: GatewayConfig,
  { providers, prices }: Pick<Stores, "providers" | "prices">,
  secretBox: SecretBox | undefined,
  { clock, log, opening }: StoreTools,
): Promise<Routing> {
  const health = new PartHealth("stored_providers", clock);
  let configured = config;
  const withStored = async (): Promise<GatewayConfig> => {
    const stored = await loadStoredProviders({ store: providers, secretBox });
    for (const problem of stored.problems) log.error(problem);
    if (stored.problems.length === 0) health.noteOk();
    else health.noteFailure(stored.problems.join(" "));
    return addProviders(configured, stored.providers);
  };
  const withPrices = async (): Promise<PricedConfig> => {
    const withProviders = await withStored();
    const stored = await loadStoredPrices(prices);
    for (const problem of stored.problems) log.error(problem);
    return {
      config: withProviders,
      listedPrice: await priceListFor(withProviders),
      storedPrices: stored.prices,
    };
  };
  const table = new RouteTable(await withPrices(), clock, (rest) => {
    logKeyRest(log, rest);
  });
  opening.defer(() => table.destroy());
  const warn = (): void => {
    for (const warning of table.warnings) log.warn(warning);
  };
  warn();
  const refresh = async (): Promise<void> => {
    table.replace(await withPrices());
    warn();
  };
  return {
    table,
    health,
    configured: () => configured,
    refresh,
    reload: (next) => {
      configured = next;
      return refresh();
    },
  };
}

/** Stored providers stand beside the file's; the demo makes room for them. */
function addProviders(config: GatewayConfig, stored: readonly ProviderConfig[]): GatewayConfig {
  if (stored.length === 0) return config;
  const isDemo = config.providers.every(
    ({ type, source }) => type === "demo" && source === "environment",
  );
  if (!isDemo) return { ...config, providers: [...config.providers, ...stored] };
  const { retries, deadlines } = config.defaults;
  return { ...config, providers: stored, defaults: { retries, deadlines } };
}

/** By its id: neither the key nor what the provider said of it. */
function logKeyRest(log: Log, rest: Parameters<OnKeyRest>[0]): void {
  const { provider, keyId, status, model, restMs } = rest;
  const line = { provider, key: keyId, status, model: model ?? null, rest_ms: Math.round(restMs) };
  log.warn(line, "a provider's key rests");
}
