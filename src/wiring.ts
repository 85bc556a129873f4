import type { Hono } from "hono";

import { createApp } from "./app.ts";
import type { AppDeps, Surface } from "./app.ts";
import type { Configuration, GatewayConfiguration } from "./config/load.ts";
import type { AppEnv } from "./http/context.ts";
import { Cors } from "./http/cors.ts";
import { Inflight } from "./http/inflight.ts";
import { exchangeLog } from "./http/middleware/access-log.ts";
import type { HasTenant } from "./http/reporting-scope.ts";
import { systemClock } from "./lib/clock.ts";
import { PartHealth } from "./lib/part-health.ts";
import { loadTokenizers } from "./lib/tokenizers.ts";
import { askInternally } from "./pipeline/ask-internally.ts";
import { createAccountant } from "./pipeline/accountant.ts";
import { Drains } from "./pipeline/drains.ts";
import { RememberedResponses } from "./pipeline/remembered-responses.ts";
import type { ResponseOwnerStore } from "./pipeline/response-owners.ts";
import { createSettle } from "./pipeline/settle.ts";
import { openDataFolder } from "./stores/disk/data-folder.ts";
import type { Role } from "./serve.ts";
import { hashToken, isSameHash } from "./tenants/api-key.ts";
import { firstRun } from "./tenants/first-run.ts";
import type { FirstRun } from "./tenants/first-run.ts";
import { createIdentifier } from "./tenants/identify.ts";
import { laterRun } from "./tenants/later-run.ts";
import type { Identifier } from "./tenants/identify.ts";
import { createSecretBox } from "./tenants/secret-box.ts";
import type { SecretBox } from "./tenants/secret-box.ts";
import type { KeyFinder } from "./tenants/tenant-store.ts";
import type { Log } from "./telemetry/log.ts";
import { startNodeMetrics } from "./telemetry/metrics/node-metrics.ts";
import { version } from "./version.ts";
import { openAccounting } from "./wiring-accounting.ts";
import type { Accounting } from "./wiring-accounting.ts";
import { adminRoutes } from "./wiring-admin.ts";
import { noCaching, openCaching } from "./wiring-cache.ts";
import type { Caching } from "./wiring-cache.ts";
import { openJudging } from "./wiring-judging.ts";
import type { Judging } from "./wiring-judging.ts";
import { openMeasuring } from "./wiring-metrics.ts";
import type { Measuring } from "./wiring-metrics.ts";
import type { Ask } from "./wiring-semantic.ts";
import { priceListFor } from "./wiring-routes.ts";
import { openRouting } from "./wiring-routing.ts";
import type { Routing } from "./wiring-routing.ts";
import { openStores } from "./wiring-stores.ts";
import type { Stores, StoreTools } from "./wiring-stores.ts";
import { openTracing } from "./wiring-tracing.ts";
import type { Tracing } from "./wiring-tracing.ts";

/** Everything that runs, put together: the one place that knows which implementation stands behind a port. */
export interface Gateway extends AsyncDisposable {
  readonly firstRun: FirstRun;
  readonly inflight: Inflight;
  app(surface: Surface): Hono<AppEnv>;
  /** Takes a new configuration file into use; requests that run are not touched. */
  reload(config: GatewayConfiguration): Promise<void>;
  /** A configuration file was to be taken into use and has a mistake. */
  noteRefusedReload(): void;
  /** From now on not ready for traffic. */
  startDraining(): void;
}

const clock = systemClock;

export async function openGateway(
  configuration: Configuration,
  log: Log,
  role: Role,
): Promise<Gateway> {
  const { settings } = configuration;
  await openDataFolder(settings.dataDir);
  await using opening = new AsyncDisposableStack();
  const tools = { settings, clock, log, opening };
  // What Sentinel asks by itself goes the way of every request, which is put together below.
  const later: { calls?: AppDeps["modelCalls"] } = {};
  const ask: Ask = (asked) => {
    if (later.calls === undefined) throw new Error("The gateway has not started yet.");
    return askInternally(asked, later.calls, clock);
  };
  let isDraining = false;
  const opened = await openParts(configuration.gateway, role, ask, tools);
  const parts = { ...opened, isDraining: () => isDraining };
  const { identity, routing, judging, measuring, inflight, drains } = parts;
  const deps = appDeps(parts, tools);
  later.calls = deps.modelCalls;
  judging.start();
  const resources = opening.move();
  return {
    firstRun: identity.firstRun,
    inflight,
    app: (surface) => createApp(deps, surface),
    reload: async ({ gateway }) => {
      await routing.reload(gateway);
      judging.evaluators.reload(gateway.judges);
      measuring.noteReload("success", routing.table);
    },
    noteRefusedReload: () => {
      measuring.noteReload("failure", routing.table);
    },
    startDraining: () => {
      isDraining = true;
      judging.stopClaiming();
    },
    [Symbol.asyncDispose]: async () => {
      await drains.abortAll();
      await resources.disposeAsync();
    },
  };
}

async function openParts(
  gateway: GatewayConfiguration["gateway"],
  role: Role,
  ask: Ask,
  tools: StoreTools,
): Promise<Omit<Parts, "isDraining">> {
  const { settings, log, opening } = tools;
  // To load it takes a while, in which the stores are opened. What is wrong with it is told when it is needed.
  priceListFor(gateway).catch(() => undefined);
  const measuring = openMeasuring(tools);
  const tracing = opening.use(
    await openTracing({ ...tools, onSpansDropped: measuring.onSpansDropped }),
  );
  const accounting = await openAccounting(
    tools,
    async () => measuring.stores(await openStores(tools)),
    measuring.accounting,
  );
  const { stores } = accounting;
  const identity = await openIdentity(stores, role, tools);
  const routing = await openRouting(gateway, stores, identity.secretBox, tools);
  const caching = role === "worker" ? noCaching : await openCaching(stores, ask, tools);
  const judging = await openJudging(
    { accounting, routing, measuring, tracing, judges: gateway.judges, ask },
    tools,
  );
  listenToReplicas(stores, identity, { routing, judging }, log);
  opening.use(soon(tokenizersAfterMs, loadTokenizers, noTokenizers, log));
  opening.use(soon(nodeMetricsAfterMs, startNodeMetrics, noNodeMetrics, log));
  const inflight = new Inflight(settings.limits.inflightMax);
  const drains = new Drains();
  return { accounting, identity, routing, caching, judging, measuring, tracing, inflight, drains };
}

interface Parts {
  readonly accounting: Accounting;
  readonly identity: Identity;
  readonly routing: Routing;
  readonly caching: Caching;
  readonly judging: Judging;
  readonly measuring: Measuring;
  readonly tracing: Tracing;
  readonly inflight: Inflight;
  readonly drains: Drains;
  readonly isDraining: () => boolean;
}

/** What the routes work with. */
function appDeps(all: Parts, tools: StoreTools): AppDeps {
  const { accounting, identity, routing, caching, judging, measuring, inflight, isDraining } = all;
  const { settings, log } = tools;
  const { stores } = accounting;
  const isPlatformToken = platformTokenCheck(identity.firstRun.adminTokenHash);
  const { identifier, secretBox } = identity;
  const healths = [
    ...identity.healths,
    routing.health,
    ...accounting.healths,
    ...caching.healths,
    judging.health.part,
  ];
  const parts = [...healths, accounting.dataHealth];
  measuring.collectFrom({ accounting, caching, judging, table: routing.table, healths: parts });
  return {
    log,
    tracing: all.tracing,
    cors: new Cors(settings.corsOrigins),
    identify: identifier.identify,
    isPlatformToken,
    isDraining,
    health: {
      version,
      startedEpochMs: clock.epochMs(),
      inflightCount: () => inflight.count,
      parts,
      accounting: accounting.figures,
      cache: caching.figures,
    },
    metrics: {
      metrics: measuring.metrics,
      access: {
        isPlatformToken,
        metricsTokenHash: settings.metricsToken && hashToken(settings.metricsToken),
      },
      startedEpochMs: clock.epochMs(),
    },
    modelCalls: modelCallDeps(all, healths, tools),
    models: { listModels: () => routing.table.current.list() },
    reports: {
      auditLog: stores.auditLog,
      usageLedger: stores.usageLedger,
      hasTenant: hasTenantIn(stores),
      settled: accounting.settled,
      nowMs: () => clock.epochMs(),
      forgetJudged: judging.forget,
      calibrationOf: (evaluator, version, model) =>
        judging.evaluators.calibration(evaluator, version, model),
    },
    feedback: {
      auditLog: stores.auditLog,
      journal: accounting.journal,
      settled: accounting.settled,
      nowMs: () => clock.epochMs(),
      isEvaluator: (name) => judging.evaluators.find(name) !== undefined,
      onNegative: judging.onNegative,
    },
    admin: adminRoutes(
      { stores, routing, secretBox, identifier, cache: caching.admin, judging },
      tools,
    ),
  };
}

function modelCallDeps(
  { accounting, identity, routing, caching, judging, measuring, tracing, inflight, drains }: Parts,
  healths: readonly PartHealth[],
  { settings, log }: StoreTools,
): AppDeps["modelCalls"] {
  const degradedParts = (): readonly string[] =>
    healths.filter((part) => part.isDegraded).map((part) => part.name);
  const admission = {
    limits: accounting.limits,
    reservations: accounting.reservations,
    journal: accounting.journal,
    quoteOf: (provider: string, model: string) => routing.table.quoteOf(provider, model),
  };
  const accountant = createAccountant({
    ...admission,
    promptHash: accounting.promptHash,
    degradedParts,
    payloadBytesMax: settings.accounting.payloadBytesMax,
    onError: (error, exchange) => {
      log.error({ err: error, request_id: exchange.id }, "a request was not accounted");
    },
  });
  return {
    ...admission,
    cache: caching.cache,
    bodyLimits: settings.limits,
    inflight,
    drains,
    running: measuring.running,
    beginTrace: tracing.begin,
    findRoute: (model, pin) => routing.table.current.find(model, pin),
    responses: identity.responses,
    settle: createSettle(
      [judging.sink, accountant, measuring.sink, ...tracing.sinks, exchangeLog(log)],
      clock,
    ),
    degradedParts,
  };
}

/** Tokenizers count where a provider does not. Until they are there a rule of thumb does. */
const tokenizersAfterMs = 2_000;
const noTokenizers = "there are no tokenizers: estimates are by a rule of thumb";
const nodeMetricsAfterMs = 500;
const noNodeMetrics = "the process is not measured: its metrics are missing";

/** After the start, which loading would make slower by 0.1 s. */
function soon(
  afterMs: number,
  load: () => Promise<unknown>,
  without: string,
  log: Log,
): Disposable {
  const timer = setTimeout(() => {
    load().catch((error: unknown) => {
      log.warn({ err: error }, without);
    });
  }, afterMs).unref();
  return {
    [Symbol.dispose]: () => {
      clearTimeout(timer);
    },
  };
}

const hasTenantIn =
  ({ tenants }: Stores): HasTenant =>
  async (tenantId) =>
    (await tenants.getTenant(tenantId)) !== undefined || tenants.wasTenant(tenantId);

/** What other replicas changed is forgotten here, too. */
function listenToReplicas(
  stores: Stores,
  { identifier }: Identity,
  { routing, judging }: Pick<Parts, "routing" | "judging">,
  log: Log,
): void {
  stores.onChange((change) => {
    if (change === "missed" || change.what === "judges") {
      judging.refreshAnchors();
      judging.evaluators.refresh().catch((error: unknown) => {
        log.warn({ err: error }, "stored evaluators were not read again");
      });
    }
    if (change === "missed" || change.what === "routes") {
      routing.refresh().catch((error: unknown) => {
        log.warn({ err: error }, "stored providers and prices were not read again");
      });
    }
    if (change === "missed") identifier.invalidateAll();
    else if (change.what === "key") identifier.invalidateKey(change.id);
    else if (change.what === "tenant") identifier.invalidateTenant(change.id);
  });
}

interface Identity {
  readonly identifier: Identifier;
  readonly responses: RememberedResponses;
  readonly firstRun: FirstRun;
  readonly secretBox: SecretBox | undefined;
  readonly healths: readonly PartHealth[];
}

async function openIdentity(
  { tenants, owners }: Stores,
  role: Role,
  { settings, log, opening }: StoreTools,
): Promise<Identity> {
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
    store: watchedOwners(owners, responsesHealth),
    clock,
    onError: (error) => {
      log.warn({ err: error }, "whose the stored responses are was not written; it is tried again");
    },
  });
  return {
    identifier: opening.use(identifier),
    responses: opening.use(responses),
    firstRun: await (role === "worker" ? laterRun : firstRun)({
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

function platformTokenCheck(storedHash: string | undefined): (token: string) => boolean {
  if (storedHash === undefined) return () => false;
  return (token) => isSameHash({ presented: hashToken(token), stored: storedHash });
}

/** The store as it is, noting whether it works. */
function watched(store: KeyFinder, health: PartHealth): KeyFinder {
  const noting = <Value>(call: Promise<Value>): Promise<Value> =>
    health.noting(call, "The tenant store does not answer; callers known already are served.");
  return {
    findKey: (hash) => noting(store.findKey(hash)),
    touchLastUsedDay: (uses) => noting(store.touchLastUsedDay(uses)),
  };
}

function watchedOwners(store: ResponseOwnerStore, health: PartHealth): ResponseOwnerStore {
  const detail =
    "It is not known whose the older stored responses are; all but going on from them works.";
  const noting = <Value>(call: Promise<Value>): Promise<Value> => health.noting(call, detail);
  return {
    putOwners: (records) => noting(store.putOwners(records)),
    findOwner: (wanted) => noting(store.findOwner(wanted)),
    forgetExpired: (nowMs, limit) => noting(store.forgetExpired(nowMs, limit)),
  };
}
