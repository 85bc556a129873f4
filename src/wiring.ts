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
import { RememberedResponses } from "./pipeline/remembered-responses.ts";
import type { ResponseOwnerStore } from "./pipeline/response-owners.ts";
import { createSettle } from "./pipeline/settle.ts";
import { openDatabase } from "./stores/sqlite/open.ts";
import { sqliteProviderStore } from "./stores/sqlite/provider-store.ts";
import { sqliteResponseOwnerStore } from "./stores/sqlite/response-owner-store.ts";
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
import { priceListFor, RouteTable } from "./wiring-routes.ts";
import type { OnKeyRest, PricedConfig } from "./wiring-routes.ts";

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
  const parts = [...identity.healths, routing.health];
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
      findRoute: (model, pin) => routing.table.current.find(model, pin),
      responses: identity.responses,
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
  readonly responses: RememberedResponses;
  readonly firstRun: FirstRun;
  readonly secretBox: SecretBox | undefined;
  readonly healths: readonly PartHealth[];
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
  const responsesHealth = new PartHealth("stored_responses", clock);
  const responses = new RememberedResponses({
    store: watchedOwners(sqliteResponseOwnerStore(database), responsesHealth),
    clock,
    onError: (error) => {
      log.warn({ err: error }, "whose the stored responses are was not written; it is tried again");
    },
  });
  return {
    tenants,
    providers: sqliteProviderStore(database),
    identifier: opening.use(identifier),
    responses: opening.use(responses),
    firstRun: await firstRun({
      store: tenants,
      clock,
      dataDir: settings.dataDir,
      presetAdminToken: settings.adminToken,
      presetDefaultKey: settings.defaultKey,
    }),
    secretBox: settings.masterKey === undefined ? undefined : createSecretBox(settings.masterKey),
    healths: [health, responsesHealth],
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
  const withPrices = async (): Promise<PricedConfig> => {
    const listedPrice = await priceListFor(configured);
    return { config: await withStored(), listedPrice };
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
      statusOf: (name) => routing.table.statusOf(name),
      fixedProviders: () => routing.configured(),
      onProvidersChanged: () => routing.refresh(),
    }),
  };
}

/** By its id: neither the key nor what the provider said of it. */
function logKeyRest(log: Log, rest: Parameters<OnKeyRest>[0]): void {
  const { provider, keyId, status, model, restMs } = rest;
  const line = { provider, key: keyId, status, model: model ?? null, rest_ms: Math.round(restMs) };
  log.warn(line, "a provider's key rests");
}

function platformTokenCheck(storedHash: string | undefined): (token: string) => boolean {
  if (storedHash === undefined) return () => false;
  return (token) => isSameHash({ presented: hashToken(token), stored: storedHash });
}

/** The store as it is, noting whether it works. */
function watched(store: KeyFinder, health: PartHealth): KeyFinder {
  const noting = notedIn(
    health,
    "The tenant store does not answer; callers known already are served.",
  );
  return {
    findKey: (hash) => noting(store.findKey(hash)),
    touchLastUsedDay: (uses) => noting(store.touchLastUsedDay(uses)),
  };
}

function watchedOwners(store: ResponseOwnerStore, health: PartHealth): ResponseOwnerStore {
  const noting = notedIn(
    health,
    "It is not known whose the older stored responses are; all but going on from them works.",
  );
  return {
    putOwners: (records) => noting(store.putOwners(records)),
    findOwner: (wanted) => noting(store.findOwner(wanted)),
    forgetExpired: (nowMs, limit) => noting(store.forgetExpired(nowMs, limit)),
  };
}

function notedIn(
  health: PartHealth,
  detail: string,
): <Value>(call: Promise<Value>) => Promise<Value> {
  return async (call) => {
    try {
      const value = await call;
      health.noteOk();
      return value;
    } catch (error) {
      health.noteFailure(detail);
      throw error;
    }
  };
}
