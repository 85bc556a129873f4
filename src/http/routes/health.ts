import { Hono } from "hono";

import type { PartHealth } from "../../lib/part-health.ts";
import type { AppEnv } from "../context.ts";

export interface HealthDeps {
  readonly version: string;
  readonly startedEpochMs: number;
  readonly isDraining: () => boolean;
  readonly inflightCount: () => number;
  readonly parts: readonly PartHealth[];
  /** How the journal and what is fed from it are doing: figures for operators. */
  readonly accounting: () => object;
  /** Undefined where there is no cache. */
  readonly cache: () => object | undefined;
}

/** Probes ask Sentinel about itself; none of them asks a provider. */
export function healthRoutes(deps: HealthDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.get("/live", (c) => c.json({ status: "ok" }));
  routes.get("/ready", (c) => {
    // The listener opens last, so that who can ask is answered by a Sentinel that is ready.
    return deps.isDraining() ? c.json({ status: "draining" }, 503) : c.json({ status: "ok" });
  });
  routes.get("/", (c) => {
    const isDegraded = deps.parts.some((part) => part.isDegraded);
    return c.json({
      status: deps.isDraining() ? "draining" : isDegraded ? "degraded" : "ok",
      version: deps.version,
      uptime_seconds: Math.floor((Date.now() - deps.startedEpochMs) / 1_000),
      inflight_requests: deps.inflightCount(),
      parts: deps.parts.map(describe),
      accounting: deps.accounting(),
      cache: deps.cache() ?? null,
    });
  });
  return routes;
}

function describe(part: PartHealth): object {
  return {
    name: part.name,
    state: part.isDegraded ? "degraded" : "ok",
    since: new Date(part.sinceEpochMs).toISOString(),
    ...(part.detail === undefined ? {} : { detail: part.detail }),
  };
}
