import { createServer } from "node:http";
import { parseArgs } from "node:util";

/**
 * A model that gives everything the same mark, 20 ms after it was asked: `node loadtests/judge/mock-judge.ts --port 8002`.
 * A process of its own, so that its calls are counted apart from those of users.
 */
const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8002" },
    "after-ms": { type: "string", default: "20" },
  },
});
const afterMs = Number(values["after-ms"]);
/** A gateway's pool must never meet a connection that the mock has just closed. */
const keepAliveMs = 600_000;

const verdict = Buffer.from(
  JSON.stringify({
    id: "chatcmpl-judge",
    object: "chat.completion",
    created: 1_790_000_000,
    model: "mock-judge",
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: '{"reason":"It answers what was asked, and leaves out a detail.","label":"4"}',
          refusal: null,
        },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage: { prompt_tokens: 1_500, completion_tokens: 20, total_tokens: 1_520 },
  }),
);
const modelList = Buffer.from(
  '{"object":"list","data":[{"id":"mock-judge","object":"model","created":1,"owned_by":"mock"}]}',
);

let callCount = 0;

const server = createServer((request, response) => {
  const send = (body: Buffer): void => {
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": body.length,
    });
    response.end(body);
  };
  if (request.method === "POST") {
    callCount += 1;
    request.resume();
    request.once("end", () => setTimeout(send, afterMs, verdict));
  } else send(request.url === "/call-count" ? Buffer.from(String(callCount)) : modelList);
});
server.keepAliveTimeout = keepAliveMs;
server.listen({ port: Number(values.port), host: "127.0.0.1" });
