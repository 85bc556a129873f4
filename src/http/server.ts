import { IncomingMessage, ServerResponse, createServer } from "node:http";
import type { Server } from "node:http";
import type { Duplex } from "node:stream";

import { RequestError, getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";

import { Failure, toFailure } from "../errors.ts";
import type { FailureKind } from "../errors.ts";
import { newId } from "../lib/ids.ts";
import type { Log } from "../telemetry/log.ts";
import type { AppEnv } from "./context.ts";
import { dialectOf } from "./dialect.ts";
import type { Dialect } from "./dialect.ts";
import { failureBody } from "./failure-response.ts";

export interface ServerOptions {
  readonly headerBytesMax: number;
  readonly headerMs: number;
  readonly bodyMs: number;
}

/** Longer than load balancers keep theirs (60 s on most), so that they never meet a connection closing. */
const keepAliveMs = 75_000;
const checkEveryMs = 500;

/** The HTTP server in front of the app, and the answers that Node's own parser would give in its place. */
export function createHttpServer(app: Hono<AppEnv>, options: ServerOptions, log: Log): Server {
  // A bad target is found out, and its error handled, before `answer` below returns.
  let latest: IncomingMessage | undefined;
  const answer = getRequestListener(app.fetch, {
    hostname: "localhost",
    errorHandler: (error) => {
      const requestId = newId();
      if (!(error instanceof RequestError)) {
        log.error({ request_id: requestId, err: error }, "request failed inside Sentinel");
      }
      const failure = error instanceof RequestError ? badTarget() : toFailure(error);
      const dialect = latest === undefined ? "openai" : dialectOf(latest);
      const headers = failureHeaders(dialect, requestId);
      return new Response(failureBody(failure, { dialect, requestId }), {
        status: failure.status,
        headers,
      });
    },
  });
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    latest = incoming;
    void answer(incoming, outgoing);
  };
  const server = createServer(
    {
      maxHeaderSize: options.headerBytesMax,
      headersTimeout: options.headerMs,
      requestTimeout: options.headerMs + options.bodyMs,
      connectionsCheckingInterval: Math.min(checkEveryMs, options.headerMs, options.bodyMs),
      keepAliveTimeout: keepAliveMs,
      requireHostHeader: false, // Node would refuse in HTML's place with nothing at all.
      noDelay: true,
    },
    listener,
  );
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    refuse(error, socket, options, log);
  });
  // A client that asks before it sends its body is told to go on once its key is known (`authenticate.ts`).
  server.on("checkContinue", listener);
  server.on("checkExpectation", (incoming, outgoing) => {
    const message = "Sentinel understands only 'expect: 100-continue'.";
    const caller = { dialect: dialectOf(incoming), requestId: newId() };
    const body = failureBody(new Failure("invalid_value", message), caller);
    const headers = failureHeaders(caller.dialect, caller.requestId);
    outgoing.writeHead(417, { ...headers, "content-length": Buffer.byteLength(body) }).end(body);
  });
  server.on("connect", (_incoming, socket) => {
    const message = "Sentinel is no proxy: it does not take CONNECT.";
    turnAway(socket, new Failure("method_not_allowed", message), "openai", log);
  });
  return server;
}

function failureHeaders(dialect: Dialect, requestId: string): Record<string, string> {
  return {
    "content-type": "application/json",
    "x-request-id": requestId,
    ...(dialect === "anthropic" && { "request-id": requestId }),
  };
}

function badTarget(): Failure {
  return new Failure("invalid_value", "The request's URL or Host header is not valid.");
}

const refusals: Readonly<Record<string, FailureKind>> = {
  HPE_HEADER_OVERFLOW: "headers_too_large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "body_too_large",
  ERR_HTTP_REQUEST_TIMEOUT: "request_timeout",
};

/** What is not HTTP, or came too slowly, gets the envelope as well, and then the connection ends. */
function refuse(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  options: ServerOptions,
  log: Log,
): void {
  const running: unknown = Reflect.get(socket, "_httpMessage");
  const hasBegun = running instanceof ServerResponse && running.headersSent;
  if (error.code === "ECONNRESET" || hasBegun) {
    socket.destroy();
    return;
  }
  const kind = refusals[error.code ?? ""] ?? "invalid_value";
  const request: unknown = running instanceof ServerResponse ? running.req : undefined;
  const known = request instanceof IncomingMessage ? request : requestLineOf(error);
  turnAway(socket, new Failure(kind, explain(kind, options)), dialectOf(known), log);
}

/** What Node's parser gave up on, as far as it began with the packet that it gave up on. */
function requestLineOf(error: Error): Pick<IncomingMessage, "url" | "headers"> {
  const packet: unknown = Reflect.get(error, "rawPacket");
  const line = Buffer.isBuffer(packet) ? packet.toString("latin1", 0, requestLineBytesMax) : "";
  const url = /^[A-Z]+ (\S+)/.exec(line)?.[1];
  return { ...(url !== undefined && { url }), headers: {} };
}

const requestLineBytesMax = 256;

/** How long a client that was turned away may go on sending: closing at once could lose it its answer. */
const lastWordsMs = 1_000;

function turnAway(socket: Duplex, failure: Failure, dialect: Dialect, log: Log): void {
  // What else comes meanwhile is not read any more, and no second answer is due.
  if (!socket.writable) return;
  const timer = setTimeout(() => socket.destroy(), lastWordsMs);
  socket.once("close", () => {
    clearTimeout(timer);
  });
  const requestId = newId();
  const body = failureBody(failure, { dialect, requestId });
  const headers = Object.entries(failureHeaders(dialect, requestId));
  log.info({ request_id: requestId, status: failure.status, outcome: failure.kind }, "request");
  socket.end(
    `HTTP/1.1 ${failure.status} Refused\r\n` +
      headers.map(([name, value]) => `${name}: ${value}\r\n`).join("") +
      `content-length: ${Buffer.byteLength(body)}\r\n` +
      `connection: close\r\n\r\n${body}`,
  );
}

function explain(kind: FailureKind, options: ServerOptions): string {
  switch (kind) {
    case "headers_too_large":
      return `The request's headers are larger than ${options.headerBytesMax} bytes, the limit here (SENTINEL_MAX_HEADER_BYTES).`;
    case "body_too_large":
      return "The extensions of the body's chunks are larger than 16384 bytes, the limit here. Send none.";
    case "request_timeout":
      return `The request did not arrive in time: ${options.headerMs} ms for the headers, ${options.bodyMs} ms for the body.`;
    default:
      return "The request is not valid HTTP/1.1.";
  }
}
