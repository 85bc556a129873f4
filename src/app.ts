import { Hono } from "hono";

import { Failure } from "./errors.ts";
import type { AppEnv } from "./http/context.ts";
import type { Cors } from "./http/cors.ts";
import { failureResponse } from "./http/failure-response.ts";
import { accessLog } from "./http/middleware/access-log.ts";
import { authenticateAdmin, authenticateCaller } from "./http/middleware/authenticate.ts";
import type { Identify, IsPlatformToken } from "./http/middleware/authenticate.ts";
import { requestId } from "./http/middleware/request-id.ts";
import { addReplyHeaders } from "./http/reply-headers.ts";
import type { RequestTracing } from "./http/request-span.ts";
import { healthRoutes } from "./http/routes/health.ts";
import type { HealthDeps } from "./http/routes/health.ts";
import { metricsRoutes } from "./http/routes/metrics.ts";
import type { MetricsDeps } from "./http/routes/metrics.ts";
import { feedbackRoutes } from "./http/routes/v1/feedback.ts";
import type { FeedbackRoutesDeps } from "./http/routes/v1/feedback.ts";
import { auditRoutes } from "./http/routes/v1/audit.ts";
import type { AuditRoutesDeps } from "./http/routes/v1/audit.ts";
import { modelCall } from "./http/routes/v1/model-call.ts";
import type { ModelCallDeps } from "./http/routes/v1/model-call.ts";
import { modelsRoutes } from "./http/routes/v1/models.ts";
import type { ModelsDeps } from "./http/routes/v1/models.ts";
import { usageRoutes } from "./http/routes/v1/usage.ts";
import type { UsageRoutesDeps } from "./http/routes/v1/usage.ts";
import type { Log } from "./telemetry/log.ts";

export interface AppDeps {
  readonly log: Log;
  readonly tracing: RequestTracing;
  readonly cors: Cors;
  readonly identify: Identify;
  readonly isPlatformToken: IsPlatformToken;
  readonly isDraining: () => boolean;
  readonly health: Omit<HealthDeps, "isDraining">;
  readonly metrics: MetricsDeps;
  readonly modelCalls: Omit<ModelCallDeps, "cors">;
  readonly models: ModelsDeps;
  readonly reports: UsageRoutesDeps & AuditRoutesDeps;
  readonly feedback: FeedbackRoutesDeps;
  /** The control plane's routes, by the path below `/admin/v1`. */
  readonly admin: Readonly<Record<string, Hono<AppEnv>>>;
}

/**
 * Which surfaces a listener has: all of them on one, or the control plane on its own. `probes`: only how it is, for what
 * serves nobody.
 */
export type Surface = "all" | "data" | "admin" | "probes";

/** Every route, with what stands in front of it. */
export function createApp(deps: AppDeps, surface: Surface): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ strict: false });
  app.use(
    requestId,
    accessLog({ log: deps.log, tracing: deps.tracing, metrics: deps.metrics.metrics }),
  );
  const addHeaders = addReplyHeaders(deps.cors);
  // In front of every door: a browser asks without a key.
  app.options("/*", addHeaders, (c) => {
    const headers = deps.cors.preflightHeaders(c.env.incoming);
    return new Response(null, { status: 204, headers: pairs(headers) });
  });
  for (const path of [
    "/health/*",
    "/metrics/*",
    "/v1/models/*",
    "/v1/usage",
    "/v1/audit/*",
    "/v1/feedback",
    "/admin/v1/*",
  ]) {
    app.use(path, addHeaders);
  }
  app.route("/health", healthRoutes({ ...deps.health, isDraining: deps.isDraining }));
  if (surface === "all" || surface === "data") addDataPlane(app, deps);
  if (surface !== "data") app.route("/metrics", metricsRoutes(deps.metrics));
  if (surface === "all" || surface === "admin") addControlPlane(app, deps);

  const allowed = methodsByPath(app);
  app.notFound((c) =>
    failureResponse(c, unknownRoute(c.req.method, c.req.path, allowed), deps.cors),
  );
  app.onError((error, c) => {
    if (!(error instanceof Failure)) {
      deps.log.error(
        { request_id: c.get("requestId"), err: error },
        "request failed inside Sentinel",
      );
    }
    return failureResponse(c, error, deps.cors);
  });
  return app;
}

function addDataPlane(app: Hono<AppEnv>, deps: AppDeps): void {
  const signedIn = authenticateCaller(deps.identify);
  const calls = { ...deps.modelCalls, cors: deps.cors };
  const chat = modelCall("chat", calls);
  app.post("/v1/chat/completions", signedIn, chat);
  app.post("/v1/chat", signedIn, chat);
  app.post("/v1/completions", signedIn, modelCall("completions", calls));
  app.post("/v1/embeddings", signedIn, modelCall("embeddings", calls));
  app.post("/v1/moderations", signedIn, modelCall("moderations", calls));
  app.post("/v1/responses", signedIn, modelCall("responses", calls));
  app.post("/v1/messages", signedIn, modelCall("messages", calls));
  app.post("/v1/messages/count_tokens", signedIn, modelCall("count_tokens", calls));
  app.get("/v1/models", signedIn);
  app.get("/v1/models/*", signedIn);
  app.route("/v1/models", modelsRoutes(deps.models));
  app.post("/v1/feedback", signedIn);
  app.route("/v1/feedback", feedbackRoutes(deps.feedback));
  const reader = authenticateAdmin(deps.identify, deps.isPlatformToken);
  for (const path of ["/v1/usage", "/v1/audit", "/v1/audit/*"]) app.use(path, reader);
  app.route("/v1/usage", usageRoutes(deps.reports));
  app.route("/v1/audit", auditRoutes(deps.reports));
}

function addControlPlane(app: Hono<AppEnv>, deps: AppDeps): void {
  const signedIn = authenticateAdmin(deps.identify, deps.isPlatformToken);
  for (const [path, routes] of Object.entries(deps.admin)) {
    app.use(`/admin/v1/${path}`, signedIn);
    app.use(`/admin/v1/${path}/*`, signedIn);
    app.route(`/admin/v1/${path}`, routes);
  }
}

type MethodsByPath = readonly { readonly pattern: RegExp; readonly methods: string[] }[];

/** The methods that each path does have, for the answer to one that it does not have. */
function methodsByPath(app: Hono<AppEnv>): MethodsByPath {
  const byPath = new Map<string, Set<string>>();
  for (const { method, path } of app.routes) {
    if (method === "ALL" || method === "OPTIONS" || path.endsWith("*")) continue;
    const methods = byPath.get(path) ?? new Set();
    byPath.set(path, methods.add(method));
  }
  return [...byPath].map(([path, methods]) => ({
    pattern: new RegExp(`^${path.replace(/:[^/{]+(\{[^}]*\})?/g, "[^/]+")}$`),
    methods: [...methods],
  }));
}

function unknownRoute(method: string, path: string, allowed: MethodsByPath): Failure {
  const known = allowed.find(({ pattern }) => pattern.test(path));
  if (known !== undefined) {
    const allow = [...known.methods, "OPTIONS"].join(", ");
    return new Failure(
      "method_not_allowed",
      `${path} does not take ${method}; it takes ${allow}.`,
      {
        headers: { allow },
      },
    );
  }
  return new Failure("not_found", `Unknown request URL: ${method} ${path}.${hint(path, allowed)}`);
}

/** For a base URL with one `/v1` too few, or (Anthropic's clients add it themselves) one too many. */
function hint(path: string, allowed: MethodsByPath): string {
  const isKnown = (wanted: string): boolean => allowed.some(({ pattern }) => pattern.test(wanted));
  if (isKnown(`/v1${path}`)) return ` Did you mean /v1${path}? The base URL ends in /v1.`;
  const shorter = path.replace(/^\/v1(?=\/v1\/)/, "");
  const isTooLong = shorter !== path && isKnown(shorter);
  return isTooLong ? ` Did you mean ${shorter}? The base URL must not end in /v1 here.` : "";
}

function pairs(flat: readonly string[]): [string, string][] {
  const result: [string, string][] = [];
  for (let at = 0; at < flat.length; at += 2) result.push([flat[at] ?? "", flat[at + 1] ?? ""]);
  return result;
}
