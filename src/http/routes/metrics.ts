import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

import { Hono } from "hono";
import type { Context } from "hono";

import type { Metrics } from "../../telemetry/metrics.ts";
import { familiesJson } from "../../telemetry/metrics/json.ts";
import { contentTypes, expositionParts } from "../../telemetry/metrics/exposition.ts";
import type { TextFormat } from "../../telemetry/metrics/exposition.ts";
import { summarize } from "../../telemetry/metrics/summary.ts";
import { acceptedFormat } from "../accepted-format.ts";
import type { AppEnv } from "../context.ts";
import { checkMayScrape } from "../scrape-access.ts";
import type { ScrapeAccess } from "../scrape-access.ts";

export interface MetricsDeps {
  readonly metrics: Metrics;
  readonly access: ScrapeAccess;
  readonly startedEpochMs: number;
}

/** `/metrics`: a JSON summary, or the text if `Accept` asks for it. `/metrics/prometheus`: the text. */
export function metricsRoutes(deps: MetricsDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.use(async (c, next) => {
    checkMayScrape(c.env.incoming, deps.access);
    await next();
  });
  routes.get("/prometheus", async (c) => {
    const format = acceptedFormat(c.req.header("accept"), ["prometheus", "openmetrics"]);
    return answer(c, await textDocument(deps, format));
  });
  routes.get("/", async (c) => {
    const accept = c.req.header("accept");
    const format = acceptedFormat(accept, ["json", "prometheus", "openmetrics"]);
    const document =
      format === "json" ? await jsonDocument(deps) : await textDocument(deps, format);
    return answer(c, document);
  });
  return routes;
}

interface Document {
  readonly text: string;
  readonly contentType: string;
}

async function textDocument(deps: MetricsDeps, format: TextFormat): Promise<Document> {
  const { registry } = deps.metrics;
  await registry.collect();
  const text = await joined(expositionParts(registry.snapshots(), format));
  return { text, contentType: contentTypes[format] };
}

async function jsonDocument(deps: MetricsDeps): Promise<Document> {
  const { registry } = deps.metrics;
  await registry.collect();
  const times = { nowEpochMs: Date.now(), startedEpochMs: deps.startedEpochMs };
  const summary = JSON.stringify(summarize(deps.metrics, times));
  const families = await joined(familiesJson(registry.snapshots()));
  const text = `${summary.slice(0, -1)},"metrics":${families}}`;
  return { text, contentType: "application/json" };
}

/** Requests are served in between. */
async function joined(parts: Iterable<string>): Promise<string> {
  const written: string[] = [];
  for (const part of parts) {
    written.push(part);
    await setImmediate();
  }
  return written.join("");
}

/** Smaller texts are not worth it. */
const gzipBytesMin = 4 * 1_024;
const compress = promisify(gzip);

async function answer(c: Context<AppEnv>, { text, contentType }: Document): Promise<Response> {
  const headers = {
    "content-type": contentType,
    "cache-control": "no-store",
    vary: "accept, accept-encoding",
  };
  const bytes = Buffer.from(text);
  if (bytes.length < gzipBytesMin || !takesGzip(c.req.header("accept-encoding"))) {
    return c.body(bytes, 200, headers);
  }
  return c.body(await compress(bytes), 200, { ...headers, "content-encoding": "gzip" });
}

function takesGzip(acceptEncoding = ""): boolean {
  return acceptEncoding
    .toLowerCase()
    .split(",")
    .some((coding) =>
      /^\s*(gzip|x-gzip|\*)\s*(;\s*q=(1(\.0*)?|0?\.\d*[1-9]\d*))?\s*$/.test(coding),
    );
}
