import type { RouteLabel } from "../telemetry/metrics/label-values.ts";

const routesByPath: Readonly<Record<string, RouteLabel>> = {
  "/v1/chat/completions": "chat",
  "/v1/chat": "chat",
  "/v1/completions": "completions",
  "/v1/embeddings": "embeddings",
  "/v1/moderations": "moderations",
  "/v1/responses": "responses",
  "/v1/messages": "messages",
  "/v1/messages/count_tokens": "count_tokens",
};

/** Probes and scrapes come every few seconds, and tell nothing. */
export const isProbe = (path: string): boolean => /^\/(health|metrics)(\/|$)/.test(path);

interface Asked {
  readonly method: string;
  readonly path: string;
}

/**
 * Which route a request counts as; undefined for the probes, which would drown the others. A browser's preflight is none
 * of the route that it asks about: it would be as good as every second call, and a fast one.
 */
export function routeLabelOf({ method, path }: Asked): RouteLabel | undefined {
  const route = routeOfPath(path);
  return method === "OPTIONS" && route !== undefined ? "other" : route;
}

function routeOfPath(path: string): RouteLabel | undefined {
  const route = routesByPath[path];
  if (route !== undefined) return route;
  if (isProbe(path)) return undefined;
  const [, first = "", second = ""] = path.split("/", 3);
  if (first === "admin") return "admin";
  if (first !== "v1") return "other";
  return second === "models" || second === "usage" || second === "audit" ? second : "other";
}
