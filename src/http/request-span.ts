import type { ServerResponse } from "node:http";

import type { Attributes } from "@opentelemetry/api";
import type { Context } from "hono";
import { matchedRoutes } from "hono/route";

import { general, sentinel } from "../telemetry/genai/attributes.ts";
import type { BeginTrace } from "../telemetry/tracing/begin-trace.ts";
import type { Spans } from "../telemetry/tracing/open-spans.ts";
import type { SpanFacts } from "../telemetry/tracing/span.ts";
import type { ExportedTrace } from "../telemetry/tracing/trace-context.ts";
import { answeredStatus } from "./answered-status.ts";
import type { AppEnv } from "./context.ts";

/** What traces requests that never become a call of a model. */
export interface RequestTracing {
  readonly begin: BeginTrace;
  /** Undefined where nothing is exported. */
  readonly spans: Pick<Spans, "add"> | undefined;
}

/** Of a request that is over. */
export function requestSpan(
  c: Context<AppEnv>,
  outgoing: ServerResponse,
  { spanId, parentSpanId }: ExportedTrace,
): SpanFacts {
  const route = routeOf(c);
  const status = answeredStatus(outgoing);
  const errorType = status >= 500 ? String(status) : undefined;
  const attributes: Attributes = {
    [general.httpMethod]: c.req.method,
    [general.urlScheme]: "http",
    [general.httpStatus]: status,
    [sentinel.requestId]: c.get("requestId"),
  };
  if (route !== undefined) attributes[general.httpRoute] = route;
  if (errorType !== undefined) attributes[general.errorType] = errorType;
  const endEpochMs = Date.now();
  return {
    name: route === undefined ? c.req.method : `${c.req.method} ${route}`,
    kind: "server",
    spanId,
    parent: parentSpanId === undefined ? undefined : { spanId: parentSpanId, isRemote: true },
    startEpochMs: endEpochMs - (performance.now() - c.get("arrivedTickMs")),
    endEpochMs,
    attributes,
    errorType,
  };
}

/**
 * As it is registered: `/v1/audit/:id`. The path itself is in the log and not here; that of an unknown route may be
 * anything.
 */
function routeOf(c: Context<AppEnv>): string | undefined {
  return matchedRoutes(c).findLast(({ method, path }) => method === c.req.method && path !== "/*")
    ?.path;
}
