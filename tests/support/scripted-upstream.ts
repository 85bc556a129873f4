import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A request as an upstream saw it, byte for byte. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** `body` parsed; undefined if it is not JSON. */
  readonly json: Record<string, unknown> | undefined;
}

export type Script = (
  response: ServerResponse,
  request: SeenRequest,
  socket: Socket,
) => void | Promise<void>;

/** An upstream that answers what a test tells it to, down to the byte: for what no third-party mock can do. */
export interface ScriptedUpstream extends AsyncDisposable {
  /** With `/v1`. */
  readonly baseUrl: string;
  /** Requests to models, in order; those for `GET /models` are left out. */
  readonly seen: readonly SeenRequest[];
  /** Requests whose answer is neither finished nor cut. */
  readonly openCount: number;
  readonly connectionCount: number;
  /** Connections that are open and wait for a request. */
  readonly idleConnectionCount: number;
  /** How the next requests are answered; stays until changed. */
  answer(script: Script): void;
  /** The list of models; without it `GET /models` is 404. */
  listModels(ids: readonly string[]): void;
  /** Empties `seen`. */
  forget(): void;
  /** Cuts every connection that waits for a request, as a restart of the upstream would. */
  dropIdleConnections(): void;
}

export async function startScriptedUpstream(first?: Script): Promise<ScriptedUpstream> {
  let script: Script = first ?? ((response) => void response.writeHead(500).end());
  let models: readonly string[] | undefined;
  const seen: SeenRequest[] = [];
  const sockets = new Map<Socket, number>();
  let openCount = 0;
  let connectionCount = 0;

  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const { socket } = request;
    sockets.set(socket, (sockets.get(socket) ?? 0) + 1);
    response.once("close", () => {
      const running = sockets.get(socket);
      if (running !== undefined) sockets.set(socket, running - 1);
    });
    if (request.method === "GET" && request.url?.endsWith("/models")) {
      respondWithModels(response, models);
      return;
    }
    openCount++;
    response.once("close", () => openCount--);
    void readAll(request).then((body) => {
      const seenRequest = describe(request, body);
      seen.push(seenRequest);
      return script(response, seenRequest, socket);
    });
  });
  server.on("connection", (socket) => {
    connectionCount++;
    sockets.set(socket, 0);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    seen,
    get openCount() {
      return openCount;
    },
    get connectionCount() {
      return connectionCount;
    },
    get idleConnectionCount() {
      return [...sockets.values()].filter((running) => running === 0).length;
    },
    answer: (next) => {
      script = next;
    },
    listModels: (ids) => {
      models = ids;
    },
    forget: () => {
      seen.length = 0;
    },
    dropIdleConnections: () => {
      for (const [socket, running] of sockets) if (running === 0) socket.resetAndDestroy();
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function respondWithModels(response: ServerResponse, ids: readonly string[] | undefined): void {
  if (ids === undefined) {
    response.writeHead(404).end();
    return;
  }
  const data = ids.map((id) => ({ id, object: "model", created: 1, owned_by: "test" }));
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ object: "list", data }));
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function describe(request: IncomingMessage, body: Buffer): SeenRequest {
  let json: Record<string, unknown> | undefined;
  try {
    json = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
  } catch {
    json = undefined; // A test that sends no JSON looks at `body`.
  }
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    body,
    json,
  };
}

/** A whole answer with this body; an object is sent as JSON. */
export const whole =
  (body: unknown, headers: Record<string, string> = {}, status = 200): Script =>
  (response) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(text);
  };

/** A stream of these chunks of bytes, each written by itself, and then a clean end. */
export const stream =
  (chunks: readonly (string | Buffer)[], headers: Record<string, string> = {}): Script =>
  async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream", ...headers });
    for (const chunk of chunks) {
      response.write(chunk);
      // A turn of the event loop between them, so that they leave as packets of their own.
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  };

/** One event of a chat stream. */
export const chatChunk = (delta: object, finish: string | null = null, more: object = {}): string =>
  `data: ${JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1,
    model: "m",
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...more,
  })}\n\n`;

export const usageChunk = (usage: object): string =>
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m", choices: [], usage })}\n\n`;

export const done = "data: [DONE]\n\n";

/** A whole chat answer with this text. */
export const completion = (content: string, more: object = {}): object => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "m",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content, refusal: null },
      logprobs: null,
      finish_reason: "stop",
    },
  ],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  ...more,
});
