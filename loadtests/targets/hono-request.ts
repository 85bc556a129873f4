import type { ServerResponse } from "node:http";
import { serve, type HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { Pool, type Dispatcher } from "undici";
import { isKnown, readBareSettings } from "./bare-settings.ts";

/**
 * The least a gateway can do on Hono and undici's `Pool.request`: check a key, parse and write JSON
 * both ways, write a stream to the socket. What this costs is the limit of the stack.
 */
const settings = readBareSettings();
const upstream = new Pool(settings.upstreamOrigin);
const app = new Hono<{ Bindings: HttpBindings }>();

app.get("/health/ready", (context) => context.text("ready"));

app.post("/v1/chat/completions", async (context) => {
  if (!isKnown(context.req.header("authorization"), settings)) {
    return context.json({ error: { message: "unknown key", code: "invalid_api_key" } }, 401);
  }
  const request = await context.req.json<{ stream?: boolean }>();
  const { body } = await upstream.request({
    path: settings.upstreamPath,
    method: "POST",
    headers: settings.upstreamHeaders,
    body: JSON.stringify(request),
  });
  if (request.stream !== true) return context.json((await body.json()) as object);
  writeStream(body, context.env.outgoing);
  return RESPONSE_ALREADY_SENT;
});

serve({ fetch: app.fetch, hostname: settings.host, port: settings.port });

/** `pipe` brings the backpressure; a client who leaves ends the upstream request. */
function writeStream(body: Dispatcher.ResponseData["body"], outgoing: ServerResponse): void {
  outgoing.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  body.once("error", () => outgoing.destroy());
  outgoing.once("close", () => body.destroy());
  body.pipe(outgoing);
}
