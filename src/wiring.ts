import { join } from "node:path";

import type { Hono } from "hono";

import { createApp } from "./app.ts";
import type { AppDeps, Surface } from "./app.ts";
import type { Configuration, GatewayConfiguration } from "./config/load.ts";
import type { GatewayConfig, ProviderConfig } from "./config/gateway-config.ts";
import type { Settings } from "./config/settings.ts";
import type { AppEnv } from "./http/context.ts";
import { Cors } from "./http/cors.ts";
import { Inflight } from "./http/inflight.ts";
import { exchangeLog } from "./http/middleware/access-log.ts";
import { keyRoutes } from "./http/routes/admin/keys.ts";
import { providerRoutes } from "./http/routes/admin/providers.ts";
import { tenantRoutes } from "./http/routes/admin/tenants.ts";
import { systemClock } from "./lib/clock.ts";
import { PartHealth } from "./lib/part-health.ts";
import { createSettle } from "./pipeline/settle.ts";
import { openDatabase } from "./stores/sqlite/open.ts";
import { sqliteProviderStore } from "./stores/sqlite/provider-store.ts";
import { sqliteTenantStore } from "./stores/sqlite/tenant-store.ts";
import { hashToken, isSameHash } from "./tenants/api-key.ts";
import { firstRun } from "./tenants/first-run.ts";
import type { FirstRun } from "./tenants/first-run.ts";
import { createIdentifier } from "./tenants/identify.ts";
import type { Identifier } from "./tenants/identify.ts";
import { createSecretBox } from "./tenants/secret-box.ts";
import type { SecretBox } from "./tenants/secret-box.ts";
import { loadStoredProviders } from "./tenants/stored-providers.ts";
import type { KeyFinder, ProviderStore, TenantStore } from "./tenants/tenant-store.ts";
import type { Log } from "./telemetry/log.ts";
import { version } from "./version.ts";
import { RouteTable } from "./wiring-routes.ts";

/** Everything that runs, put together: the one place that knows which implementation stands behind a port. */
export interface Gateway extends AsyncDisposable {
  readonly firstRun: FirstRun;
  readonly inflight: Inflight;
  app(surface: Surface): Hono<AppEnv>;
  /** Takes a new configuration file into use; requests that run are not touched. */
  reload(config: GatewayConfiguration): Promise<void>;
  /** From now on not ready for traffic. */
  startDraining(): void;
}

const clock = systemClock;

export async function openGateway(configuration: Configuration, log: Log): Promise<Gateway> {
  const { settings } = configuration;
  await using opening = new AsyncDisposableStack();
  const identity = await openIdentity(settings, log, opening);
  const routing = await openRouting(configuration.gateway, identity, opening, log);
  const inflight = new Inflight(settings.limits.inflightMax);
  const parts = [identity.health, routing.health];
  let isDraining = false;
  const deps: AppDeps = {
    log,
    cors: new Cors(settings.corsOrigins),
    identify: identity.identifier.identify,
    isPlatformToken: platformTokenCheck(identity.firstRun.adminTokenHash),
    isDraining: () => isDraining,
    health: {
      version,
      startedEpochMs: clock.epochMs(),
      inflightCount: () => inflight.count,
      parts,
    },
    modelCalls: {
      limits: settings.limits,
      inflight,
      findRoute: (model) => routing.table.current.find(model),
      settle: createSettle(exchangeLog(log), clock),
      degradedParts: () => parts.filter((part) => part.isDegraded).map((part) => part.name),
    },
    models: { listModels: () => routing.table.current.list() },
    admin: adminRoutes(settings, identity, routing, log),
  };
  const resources = opening.move();
  return {
    firstRun: identity.firstRun,
    inflight,
    app: (surface) => createApp(deps, surface),
    reload: ({ gateway }) => routing.reload(gateway),
    startDraining: () => {
      isDraining = true;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

interface Identity {
  readonly tenants: TenantStore;
  readonly providers: ProviderStore;
  readonly identifier: Identifier;
  readonly firstRun: FirstRun;
  readonly secretBox: SecretBox | undefined;
  readonly health: PartHealth;
}

async function openIdentity(
  settings: Settings,
  log: Log,
  opening: AsyncDisposableStack,
): Promise<Identity> {
  const path = join(settings.dataDir, "meta.db");
  const database = opening.use(await openDatabase({ path }));
  const tenants = sqliteTenantStore(database);
  const health = new PartHealth("tenant_store", clock);
  const identifier = createIdentifier({
    store: watched(tenants, health),
    clock,
    staleMs: settings.staleKeyMs,
    onError: (error) => {
      log.warn({ err: error }, "the day of a key's last use was not noted");
    },
  });
  return {
    tenants,
    providers: sqliteProviderStore(database),
    identifier: opening.use(identifier),
    firstRun: await firstRun({
      store: tenants,
      clock,
      dataDir: settings.dataDir,
      presetAdminToken: settings.adminToken,
      presetDefaultKey: settings.defaultKey,
    }),
    secretBox: settings.masterKey === undefined ? undefined : createSecretBox(settings.masterKey),
    health,
  };
}

interface Routing {
  readonly table: RouteTable;
  readonly health: PartHealth;
  /** The providers of the file or the environment, which the admin API shows and does not change. */
  configured(): readonly ProviderConfig[];
  reload(config: GatewayConfig): Promise<void>;
  /** After a stored provider has changed. */
  refresh(): Promise<void>;
}

async function openRouting(
  config: GatewayConfig,
  { providers, secretBox }: Identity,
  opening: AsyncDisposableStack,
  log: Log,
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
  const table = new RouteTable(await withStored(), clock);
  opening.defer(() => table.destroy());
  const refresh = async (): Promise<void> => {
    table.replace(await withStored());
  };
  return {
    table,
    health,
    configured: () => configured.providers,
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

function adminRoutes(
  settings: Settings,
  identity: Identity,
  routing: Routing,
  log: Log,
): AppDeps["admin"] {
  const shared = {
    clock,
    onChange: (change: object) => {
      log.info(change, "the control plane was changed");
    },
  };
  const { tenants, providers, identifier, secretBox } = identity;
  return {
    tenants: tenantRoutes({ ...shared, store: tenants, identifier }),
    keys: keyRoutes({ ...shared, store: tenants, identifier }),
    providers: providerRoutes({
      ...shared,
      store: providers,
      secretBox,
      allowPrivateUpstreams: settings.allowPrivateUpstreams,
      fixedProviders: () => routing.configured(),
      onProvidersChanged: () => routing.refresh(),
    }),
  };
}

function platformTokenCheck(storedHash: string | undefined): (token: string) => boolean {
  if (storedHash === undefined) return () => false;
  return (token) => isSameHash({ presented: hashToken(token), stored: storedHash });
}

/** The store as it is, noting whether it works. */
function watched(store: KeyFinder, health: PartHealth): KeyFinder {
  const noting = async <Value>(call: Promise<Value>): Promise<Value> => {
    try {
      const value = await call;
      health.noteOk();
      return value;
    } catch (error) {
      health.noteFailure("The tenant store does not answer; callers known already are served.");
      throw error;
    }
  };
  return {
    findKey: (hash) => noting(store.findKey(hash)),
    touchLastUsedDay: (uses) => noting(store.touchLastUsedDay(uses)),
  };
}
