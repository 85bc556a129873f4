import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { parseArgs } from "node:util";
import {
  modelList,
  streamWrites,
  streamWritesWithUsage,
  wholeAnswer,
} from "./harness/mock-answers.ts";
import { troubleOf, type MockTrouble } from "./load/mock-troubles.ts";

/**
 * A provider that always says the same, at once or at a fixed pace, so that what is measured is the
 * gateway in front of it; some models fail (`load/mock-troubles.ts`). Runs by itself too:
 * `node loadtests/mock-provider.ts --port 8001 --first-chunk-ms 0 --chunk-gap-ms 0`.
 */
const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8001" },
    "first-chunk-ms": { type: "string", default: "50" },
    "chunk-gap-ms": { type: "string", default: "5" },
  },
});
const firstChunkMs = Number(values["first-chunk-ms"]);
const chunkGapMs = Number(values["chunk-gap-ms"]);
/** A gateway's pool must never meet a connection that the mock has just closed. */
const keepAliveMs = 600_000;
const backlogMax = 4_096;

/** Chat requests answered so far: shows whether a gateway asked, or answered from a cache. */
let chatRequestCount = 0;

interface ChatRequest {
  readonly model?: unknown;
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
}

const server = createServer((request, response) => {
  switch (`${request.method ?? ""} ${request.url ?? ""}`) {
    case "POST /v1/chat/completions":
      readBody(request, (body) => answerChat(JSON.parse(body) as ChatRequest, response));
      return;
    case "GET /v1/models":
      sendJson(response, 200, modelList);
      return;
    case "GET /chat-request-count":
      sendJson(response, 200, Buffer.from(String(chatRequestCount)));
      return;
    default:
      sendJson(response, 404, Buffer.from('{"error":{"message":"no such route","code":null}}'));
  }
});
server.keepAliveTimeout = keepAliveMs;
server.listen({ port: Number(values.port), host: "127.0.0.1", backlog: backlogMax });

function readBody(request: IncomingMessage, done: (body: string) => void): void {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => done(Buffer.concat(parts).toString()));
}

function answerChat(request: ChatRequest, response: ServerResponse): void {
  chatRequestCount += 1;
  const trouble = troubleOf(request.model);
  if (trouble !== undefined) {
    answerBadly(trouble, response);
    return;
  }
  if (request.stream !== true) {
    sendJson(response, 200, wholeAnswer);
    return;
  }
  const writes =
    request.stream_options?.include_usage === true ? streamWritesWithUsage : streamWrites;
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
  });
  if (firstChunkMs === 0 && chunkGapMs === 0) {
    for (const bytes of writes) response.write(bytes);
    response.end();
    return;
  }
  sendPaced(response, writes);
}

function answerBadly(trouble: MockTrouble, response: ServerResponse): void {
  switch (trouble) {
    case "unavailable":
      sendJson(response, 503, Buffer.from('{"error":{"message":"not now","code":null}}'));
      return;
    case "cut":
      response.destroy();
      return;
    case "silent": // until the gateway has waited long enough
      return;
  }
}

/** A timer a chunk; the headers leave with the first one, as providers do it. */
function sendPaced(response: ServerResponse, writes: readonly Buffer[]): void {
  let sentCount = 0;
  const send = (): void => {
    const bytes = writes[sentCount];
    sentCount += 1;
    if (sentCount === writes.length) {
      response.end(bytes);
      return;
    }
    response.write(bytes);
    timer = setTimeout(send, chunkGapMs);
  };
  let timer = setTimeout(send, firstChunkMs);
  response.once("close", () => clearTimeout(timer));
}

function sendJson(response: ServerResponse, status: number, body: Buffer): void {
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": body.length,
  });
  response.end(body);
}
