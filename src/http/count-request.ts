import type { ServerResponse } from "node:http";

import type { Context } from "hono";

import { errorTypeOf } from "../pipeline/metrics/error-types.ts";
import { noneValue, unknownValue } from "../telemetry/metrics/label.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { answeredStatus } from "./answered-status.ts";
import type { AppEnv } from "./context.ts";
import { routeLabelOf } from "./route-label.ts";

/**
 * Counts a request that was no call of a model, or was refused before there was an exchange, when its answer is over.
 * Model calls are counted when they are settled (`pipeline/metrics/exchange-metrics.ts`).
 */
export function countRequest(c: Context<AppEnv>, outgoing: ServerResponse, metrics: Metrics): void {
  const route = routeLabelOf(c.req);
  if (route === undefined) return;
  // Hono's own type says that it is always there.
  const identity = c.get("identity") as AppEnv["Variables"]["identity"] | undefined;
  const tenant =
    identity?.kind === "key" ? metrics.caps.tenant.of(identity.caller.tenantId) : noneValue;
  metrics.requests
    .with(tenant, unknownValue, noneValue, route, String(answeredStatus(outgoing)), "none")
    .inc();
  const seconds = (performance.now() - c.get("arrivedTickMs")) / 1_000;
  metrics.requestDuration.with(route, "false", "none").observe(seconds);
  const failed = c.get("failure");
  if (!outgoing.writableFinished) metrics.errors.with(noneValue, "caller_disconnected").inc();
  else if (failed !== undefined) metrics.errors.with(noneValue, errorTypeOf(failed)).inc();
}
