import type { ServerResponse } from "node:http";
import { serve, type HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { Pool, type Dispatcher } from "undici";
import { isKnown, readBareSettings } from "./bare-settings.ts";

/** The same gateway as `hono-request.ts`, over undici's `Pool.dispatch` with handlers of its own. */
const settings = readBareSettings();
const upstream = new Pool(settings.upstreamOrigin);
const app = new Hono<{ Bindings: HttpBindings }>();

app.get("/health/ready", (context) => context.text("ready"));

app.post("/v1/chat/completions", async (context) => {
  if (!isKnown(context.req.header("authorization"), settings)) {
    return context.json({ error: { message: "unknown key", code: "invalid_api_key" } }, 401);
  }
  const request = await context.req.json<{ stream?: boolean }>();
  if (request.stream !== true) return context.json(await askWhole(JSON.stringify(request)));
  dispatch(JSON.stringify(request), new StreamWriter(context.env.outgoing));
  return RESPONSE_ALREADY_SENT;
});

serve({ fetch: app.fetch, hostname: settings.host, port: settings.port });

function dispatch(body: string, handler: Dispatcher.DispatchHandler): void {
  upstream.dispatch(
    { path: settings.upstreamPath, method: "POST", headers: settings.upstreamHeaders, body },
    handler,
  );
}

function askWhole(body: string): Promise<object> {
  return new Promise((resolve, reject) => dispatch(body, new WholeReader(resolve, reject)));
}

/** Gathers one whole answer and parses it. */
class WholeReader implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: object) => void;
  readonly #reject: (error: Error) => void;
  readonly #parts: Buffer[] = [];

  constructor(resolve: (answer: object) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(): void {
    // undici tells handlers of its own generation apart by this method.
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status !== 200) controller.abort(new Error(`upstream answered ${status}`));
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Buffer): void {
    this.#parts.push(bytes);
  }

  onResponseEnd(): void {
    const [first, ...others] = this.#parts;
    const bytes = first !== undefined && others.length === 0 ? first : Buffer.concat(this.#parts);
    try {
      this.#resolve(JSON.parse(bytes.toString()) as object);
    } catch (cause) {
      this.#reject(new Error("upstream sent no JSON", { cause }));
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error);
  }
}

/** Writes one stream to the client's socket, as fast as the client reads. */
class StreamWriter implements Dispatcher.DispatchHandler {
  readonly #outgoing: ServerResponse;

  constructor(outgoing: ServerResponse) {
    this.#outgoing = outgoing;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#outgoing.on("drain", () => controller.resume());
    this.#outgoing.once("close", () => {
      if (!this.#outgoing.writableFinished) controller.abort(new Error("the client left"));
    });
  }

  onResponseStart(): void {
    const headers = { "content-type": "text/event-stream", "cache-control": "no-cache" };
    this.#outgoing.writeHead(200, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (!this.#outgoing.write(bytes)) controller.pause();
  }

  onResponseEnd(): void {
    this.#outgoing.end();
  }

  onResponseError(): void {
    this.#outgoing.destroy();
  }
}
