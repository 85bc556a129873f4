import type { AppDeps } from "./app.ts";
import { cacheRoutes } from "./http/routes/admin/cache.ts";
import { jobRoutes } from "./http/routes/admin/jobs.ts";
import { judgeRoutes } from "./http/routes/admin/judges.ts";
import { keyRoutes } from "./http/routes/admin/keys.ts";
import { priceRoutes } from "./http/routes/admin/prices.ts";
import { providerRoutes } from "./http/routes/admin/providers.ts";
import { tenantRoutes } from "./http/routes/admin/tenants.ts";
import type { AdminChange } from "./http/admin-change.ts";
import type { CacheAdmin } from "./pipeline/cache/cache-admin.ts";
import type { Identifier } from "./tenants/identify.ts";
import type { SecretBox } from "./tenants/secret-box.ts";
import type { Judging } from "./wiring-judging.ts";
import type { Routing } from "./wiring-routing.ts";
import type { Change, Stores, StoreTools } from "./wiring-stores.ts";

/** What the control plane works on. */
export interface ControlPlane {
  readonly stores: Stores;
  readonly identifier: Identifier;
  readonly secretBox: SecretBox | undefined;
  readonly routing: Routing;
  readonly cache: CacheAdmin | undefined;
  readonly judging: Pick<
    Judging,
    "evaluators" | "jobs" | "cancelJob" | "evaluate" | "refreshAnchors"
  >;
}

/** The routes of `/admin/v1`. */
export function adminRoutes(
  { stores, identifier, secretBox, routing, cache, judging }: ControlPlane,
  { settings, clock, log }: StoreTools,
): AppDeps["admin"] {
  const shared = {
    clock,
    onChange: (change: AdminChange) => {
      log.info(change, "the control plane was changed");
      if (change.action === "tenant.deleted") forgetAnswers(change.subject);
    },
  };
  // Nobody is served them any more, and they are their tenant's: it is gone.
  const forgetAnswers = (tenantId: string): void => {
    cache?.purge({ tenantId }).catch((error: unknown) => {
      log.warn({ err: error }, "what the cache has of a deleted tenant stays until it is over");
    });
  };
  const routesChanged = async (): Promise<void> => {
    await routing.refresh();
    stores.announce({ what: "routes" });
  };
  const announced = announcing(identifier, (change) => {
    stores.announce(change);
  });
  return {
    cache: cacheRoutes({ ...shared, cache, store: stores.tenants }),
    jobs: jobRoutes({
      ...shared,
      store: judging.jobs,
      cancel: judging.cancelJob,
      caps: judging.jobs,
    }),
    judges: judgeRoutes({
      ...shared,
      store: stores.judges,
      evaluators: judging.evaluators,
      evaluate: judging.evaluate,
      defaultModel: settings.judge.model,
      onJudgesChanged: async () => {
        await judging.evaluators.refresh();
        judging.refreshAnchors();
        stores.announce({ what: "judges" });
      },
    }),
    tenants: tenantRoutes({
      ...shared,
      store: stores.tenants,
      identifier: announced,
      evaluators: judging.evaluators,
    }),
    keys: keyRoutes({ ...shared, store: stores.tenants, identifier: announced }),
    prices: priceRoutes({
      ...shared,
      store: stores.prices,
      fixedPrices: () => routing.configured().prices,
      onPricesChanged: routesChanged,
    }),
    providers: providerRoutes({
      ...shared,
      store: stores.providers,
      secretBox,
      allowPrivateUpstreams: settings.allowPrivateUpstreams,
      statusOf: (name) => routing.table.statusOf(name),
      fixedProviders: () => routing.configured().providers,
      onProvidersChanged: routesChanged,
    }),
  };
}

/** What is forgotten here is forgotten by every replica. */
const announcing = (
  identifier: Identifier,
  announce: (change: Change) => void,
): Pick<Identifier, "invalidateKey" | "invalidateTenant"> => ({
  invalidateKey: (id) => {
    identifier.invalidateKey(id);
    announce({ what: "key", id });
  },
  invalidateTenant: (id) => {
    identifier.invalidateTenant(id);
    announce({ what: "tenant", id });
  },
});
