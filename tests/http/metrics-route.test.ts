import { once } from "node:events";
import { createServer, request } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { gunzipSync } from "node:zlib";

import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { AppEnv } from "../../src/http/context.ts";
import { Cors } from "../../src/http/cors.ts";
import { failureResponse } from "../../src/http/failure-response.ts";
import { requestId } from "../../src/http/middleware/request-id.ts";
import { metricsRoutes } from "../../src/http/routes/metrics.ts";
import { hashToken } from "../../src/tenants/api-key.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import type { Metrics } from "../../src/telemetry/metrics.ts";
import { parseExposition } from "../support/parse-exposition.ts";

const scrapeToken = "scrape-token-of-the-operator";
const adminToken = "sentinel-admin-token";
const text = "text/plain; version=0.0.4; charset=utf-8";
const openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";

let metrics: Metrics;
let server: Server;
let port: number;

beforeAll(async () => {
  metrics = createMetrics({ version: "1.2.3", onCollectFailure: () => undefined });
  const cell = metrics.requestDuration.with("chat", "true", "miss");
  cell.observe(0.3, "0af7651916cd43dd8448eb211c80319c");
  metrics.registry.onCollect(() => {
    throw new Error("a part that cannot say how it is");
  });
  ({ server, port } = await listen(appWith(scrapeToken), "::"));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function appWith(metricsToken: string | undefined): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ strict: false });
  const cors = new Cors([]);
  app.use(requestId);
  const access = {
    isPlatformToken: (token: string) => token === adminToken,
    metricsTokenHash: metricsToken === undefined ? undefined : hashToken(metricsToken),
  };
  app.route("/metrics", metricsRoutes({ metrics, access, startedEpochMs: Date.now() }));
  app.onError((error, c) => failureResponse(c, error, cors));
  return app;
}

async function listen(
  app: Hono<AppEnv>,
  host: string,
): Promise<{ readonly server: Server; readonly port: number }> {
  // Files share a process: with the globals replaced before the gateway is loaded its streams could not be cut.
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const listening = createServer((incoming, outgoing) => {
    void answer(incoming, outgoing);
  }).listen(0, host);
  await once(listening, "listening");
  return { server: listening, port: (listening.address() as AddressInfo).port };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Over a socket, with exactly these headers. */
async function get(
  path: string,
  headers: Record<string, string> = {},
  { host = "127.0.0.1", method = "GET" } = {},
): Promise<Answer> {
  const sent = request({ host, port, path, headers, method, agent: false }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const body = Buffer.concat(await response.toArray());
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

const typeOf = async (path: string, accept?: string): Promise<string | undefined> => {
  const { status, headers } = await get(path, accept === undefined ? {} : { accept });
  expect(status).toBe(200);
  return headers["content-type"];
};

test("a Prometheus that prefers OpenMetrics gets it, with exemplars; another gets the old text", async () => {
  const path = "/metrics/prometheus";
  // As Prometheus 2.42, 2.53 and 3 with and without its preference send it.
  for (const accept of [
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
  ]) {
    const { headers, body } = await get(path, { accept });
    expect(headers["content-type"]).toBe(openMetrics);
    const { isEnded, samples } = parseExposition(body.toString());
    expect(isEnded).toBe(true);
    expect(samples.some(({ exemplar }) => exemplar !== undefined)).toBe(true);
  }
  for (const accept of [
    undefined,
    "*/*",
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "text/plain;version=0.0.4,application/openmetrics-text;version=1.0.0;q=0.9",
    "application/openmetrics-text;version=0.0.1",
    "application/openmetrics-text;q=0, text/plain",
    "text/html",
    "nonsense;;;q=,",
  ]) {
    expect(await typeOf(path, accept)).toBe(text);
  }
  const { body } = await get(path);
  expect(parseExposition(body.toString()).isEnded).toBe(false);
});

test("/metrics is a summary for people, and the text for whoever asks for text", async () => {
  for (const accept of [
    undefined,
    "*/*",
    "application/json",
    "application/json, text/plain, */*",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "application/*, text/plain;q=0.5",
  ]) {
    expect(await typeOf("/metrics", accept)).toBe("application/json");
  }
  for (const accept of [
    "text/plain",
    "text/plain, */*",
    "text/*",
    "text/plain, application/json;q=0.5",
  ]) {
    expect(await typeOf("/metrics", accept)).toBe(text);
  }
  expect(await typeOf("/metrics", "application/openmetrics-text")).toBe(openMetrics);
  const summary: unknown = JSON.parse((await get("/metrics/")).body.toString());
  expect(summary).toMatchObject({
    version: "1.2.3",
    uptime_seconds: expect.any(Number) as number,
    requests: { total: 0, availability: null },
    latency_seconds: { request: { count: 1 } },
    metrics: { sentinel_build_info: { series: [{ value: 1 }] } },
  });
});

test("the text is compressed for whoever takes that", async () => {
  const plain = await get("/metrics/prometheus", { "accept-encoding": "identity, gzip;q=0" });
  expect(plain.headers["content-encoding"]).toBeUndefined();
  for (const coding of ["gzip", "deflate, gzip;q=0.8", "br, *"]) {
    const packed = await get("/metrics/prometheus", { "accept-encoding": coding });
    expect(packed.headers["content-encoding"]).toBe("gzip");
    expect(packed.body.length).toBeLessThan(plain.body.length / 3);
    expect(gunzipSync(packed.body).toString()).toBe(plain.body.toString());
  }
  expect(plain.headers).toMatchObject({
    "cache-control": "no-store",
    vary: "accept, accept-encoding",
  });
});

test("HEAD is answered without a body", async () => {
  const { status, headers, body } = await get("/metrics/prometheus", {}, { method: "HEAD" });
  expect([status, headers["content-type"], body.length]).toEqual([200, text, 0]);
});

test("this machine may read without a token, whatever family its address is of", async () => {
  // The server listens on IPv6, so that IPv4's addresses come as ::ffff:127.0.0.1.
  for (const host of ["127.0.0.1", "127.8.9.10", "::1"]) {
    expect([host, (await get("/metrics", {}, { host })).status]).toEqual([host, 200]);
  }
  for (const host of [
    "localhost:8000",
    "LOCALHOST",
    "sentinel.localhost",
    "[::1]:8000",
    "127.0.0.1",
  ]) {
    expect((await get("/metrics", { host })).status).toBe(200);
  }
});

test("who asks through a proxy on this machine is not this machine", async () => {
  for (const name of [
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "x-forwarded-proto",
    "X-Real-IP",
    "CF-Connecting-IP",
    "True-Client-IP",
    "x-envoy-external-address",
  ]) {
    const { status, body } = await get("/metrics/prometheus", { [name]: "1.2.3.4" });
    expect(status).toBe(401);
    expect(errorIn(body)).toMatchObject({
      code: "invalid_api_key",
      message: expect.stringContaining("SENTINEL_METRICS_TOKEN") as string,
    });
  }
});

test("a web page whose own domain was made to lead here reads nothing", async () => {
  for (const host of ["evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example"]) {
    expect((await get("/metrics", { host })).status).toBe(401);
  }
});

test("a page from elsewhere that a browser on this machine shows reads nothing", async () => {
  for (const origin of ["https://evil.example", "http://localhost:3000", "null"]) {
    expect([origin, (await get("/metrics", { origin })).status]).toEqual([origin, 401]);
    const headers = { origin, authorization: `Bearer ${scrapeToken}` };
    expect((await get("/metrics", headers)).status).toBe(200);
  }
});

test("a token decides alone: the right one from anywhere, a wrong one not even from this machine", async () => {
  const proxied = { "x-forwarded-for": "1.2.3.4", host: "gateway.example" };
  for (const token of [scrapeToken, adminToken]) {
    const headers = { ...proxied, authorization: `Bearer ${token}` };
    expect((await get("/metrics/prometheus", headers)).status).toBe(200);
    expect((await get("/metrics", { authorization: `bearer ${token}` })).status).toBe(200);
  }
  for (const authorization of [
    "Bearer wrong",
    `Bearer ${scrapeToken}x`,
    `Bearer ${"x".repeat(5_000)}`,
    `Bearer ${hashToken(scrapeToken)}`,
    `Basic ${scrapeToken}`,
    "Bearer",
    "",
  ]) {
    const { status, body } = await get("/metrics", { authorization });
    expect([authorization, status]).toEqual([authorization, 401]);
    expect(body.toString()).not.toContain(scrapeToken);
  }
});

test("where no scrape token is set, none is right but the platform admin's", async () => {
  const other = await listen(appWith(undefined), "127.0.0.1");
  const url = `http://127.0.0.1:${other.port}/metrics`;
  const statusWith = async (authorization: string): Promise<number> =>
    (await fetch(url, { headers: { authorization } })).status;
  expect(await statusWith("Bearer undefined")).toBe(401);
  expect(await statusWith(`Bearer ${scrapeToken}`)).toBe(401);
  expect(await statusWith(`Bearer ${adminToken}`)).toBe(200);
  other.server.closeAllConnections();
  other.server.close();
});

const outerAddress = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address;

test.skipIf(outerAddress === undefined)(
  "another machine needs a token, also when it names this one as the host",
  async () => {
    const host = outerAddress ?? "";
    expect((await get("/metrics", {}, { host })).status).toBe(401);
    expect((await get("/metrics", { host: "localhost" }, { host })).status).toBe(401);
    const headers = { authorization: `Bearer ${scrapeToken}` };
    expect((await get("/metrics", headers, { host })).status).toBe(200);
  },
);

function errorIn(body: Buffer): unknown {
  const parsed: unknown = JSON.parse(body.toString());
  return typeof parsed === "object" && parsed !== null && "error" in parsed ? parsed.error : parsed;
}
