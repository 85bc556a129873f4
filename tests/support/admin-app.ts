import { join } from "node:path";

import { Hono } from "hono";

import type { ProviderConfig } from "../../src/config/gateway-config.ts";
import type { NamedEvaluator } from "../../src/config/judge-config.ts";
import type { ConfiguredPrice } from "../../src/config/price-config.ts";
import { toFailure } from "../../src/errors.ts";
import type { AdminChange } from "../../src/http/admin-change.ts";
import type { AppEnv, Identity } from "../../src/http/context.ts";
import { cacheRoutes } from "../../src/http/routes/admin/cache.ts";
import { judgeRoutes } from "../../src/http/routes/admin/judges.ts";
import type { JudgeRoutesDeps } from "../../src/http/routes/admin/judge-deps.ts";
import { keyRoutes } from "../../src/http/routes/admin/keys.ts";
import { priceRoutes } from "../../src/http/routes/admin/prices.ts";
import { providerRoutes } from "../../src/http/routes/admin/providers.ts";
import { tenantRoutes } from "../../src/http/routes/admin/tenants.ts";
import type { CacheAdmin } from "../../src/pipeline/cache/cache-admin.ts";
import { openEvaluators } from "../../src/pipeline/judge/evaluators/evaluators.ts";
import { sqliteJudgeStore } from "../../src/stores/sqlite/judge-store.ts";
import { openDatabase } from "../../src/stores/sqlite/open.ts";
import { sqlitePriceStore } from "../../src/stores/sqlite/price-store.ts";
import { sqliteProviderStore } from "../../src/stores/sqlite/provider-store.ts";
import { sqliteTenantStore } from "../../src/stores/sqlite/tenant-store.ts";
import { createIdentifier } from "../../src/tenants/identify.ts";
import { createSecretBox } from "../../src/tenants/secret-box.ts";
import type { Role } from "../../src/tenants/tenant.ts";
import { manualClock } from "./manual-clock.ts";
import { tempFolder } from "./temp-folder.ts";
import { aKey, aTenant } from "./tenant-builders.ts";

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** The parsed body. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** A method and a path below `/admin/v1`, as `POST /keys`. */
export type Ask = (what: string, body?: unknown) => Promise<Answer>;

export interface AdminAppOptions {
  readonly masterKey?: string;
  readonly allowPrivateUpstreams?: boolean;
  readonly fixedProviders?: readonly ProviderConfig[];
  readonly fixedPrices?: readonly ConfiguredPrice[];
  readonly cache?: CacheAdmin;
  readonly judges?: readonly NamedEvaluator[];
  readonly evaluate?: JudgeRoutesDeps["evaluate"];
  readonly judgeModel?: string;
}

/** The admin routes over a real store, with callers who are signed in already. */
export async function adminApp(options: AdminAppOptions = {}) {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await tempFolder());
  const database = resources.use(await openDatabase({ path: join(folder.path, "meta.db") }));
  const store = sqliteTenantStore(database);
  const providers = sqliteProviderStore(database);
  const prices = sqlitePriceStore(database);
  const judges = sqliteJudgeStore(database);
  const evaluators = resources.use(
    await openEvaluators({
      store: judges,
      judges: options.judges ?? [],
      onError: (error) => {
        throw error;
      },
    }),
  );
  const clock = manualClock();
  const identifier = resources.use(createIdentifier({ store, clock, staleMs: 0 }));
  const secretBox =
    options.masterKey === undefined ? undefined : createSecretBox(options.masterKey);
  const changes: AdminChange[] = [];
  let reloads = 0;

  let identity: Identity = { kind: "platform" };
  const app = new Hono<AppEnv>();
  app.use(async (c, next) => {
    c.set("identity", identity);
    await next();
  });
  const common = {
    store,
    identifier,
    clock,
    onChange: (change: AdminChange) => changes.push(change),
  };
  app.route("/admin/v1/tenants", tenantRoutes({ ...common, evaluators }));
  app.route("/admin/v1/keys", keyRoutes(common));
  app.route(
    "/admin/v1/providers",
    providerRoutes({
      ...common,
      store: providers,
      fixedProviders: () => options.fixedProviders ?? [],
      secretBox,
      allowPrivateUpstreams: options.allowPrivateUpstreams ?? false,
      statusOf: () => undefined,
      onProvidersChanged: () => {
        reloads += 1;
      },
    }),
  );
  app.route(
    "/admin/v1/prices",
    priceRoutes({
      ...common,
      store: prices,
      fixedPrices: () => options.fixedPrices ?? [],
      onPricesChanged: () => {
        reloads += 1;
      },
    }),
  );
  app.route(
    "/admin/v1/judges",
    judgeRoutes({
      ...common,
      store: judges,
      evaluators,
      evaluate: options.evaluate ?? (() => Promise.reject(new Error("nobody judges here"))),
      defaultModel: options.judgeModel,
      onJudgesChanged: () => evaluators.refresh(),
    }),
  );
  app.route("/admin/v1/cache", cacheRoutes({ ...common, cache: options.cache }));
  app.onError((thrown) => {
    const failure = toFailure(thrown);
    return Response.json({ error: failure.body }, { status: failure.status });
  });

  const askAs =
    (asked: Identity): Ask =>
    async (what, body) => {
      const [method = "", path = ""] = what.split(" ");
      identity = asked;
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const init = body === undefined ? { method } : { method, body: text };
      const response = await app.request(`/admin/v1${path}`, init);
      const answer = await response.text();
      return {
        status: response.status,
        text: answer,
        body: JSON.parse(answer) as Answer["body"],
      };
    };

  return {
    store,
    providers,
    prices,
    judges,
    evaluators,
    secretBox,
    clock,
    identifier,
    changes,
    reloads: () => reloads,
    platform: askAs({ kind: "platform" }),
    /** Makes a key of that role, and its tenant if need be; asks with it. */
    as: async (role: Role, tenantId: string, policy = {}): Promise<Ask & { keyId: string }> => {
      const made = aKey({ tenantId, role, policy });
      const tenant = aTenant({ id: tenantId, name: tenantId });
      if ((await store.createTenant(tenant, made)) === "taken") await store.createKey(made);
      const caller = { tenantId, keyId: made.key.id, role, policies: [{}, policy] };
      return Object.assign(askAs({ kind: "key", caller }), { keyId: made.key.id });
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
