import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { z } from "zod";

import {
  chatAnswer,
  chatEvents,
  completionAnswer,
  embeddingAnswer,
  errorAnswer,
  moderationAnswer,
  responseAnswer,
  streamEnd,
  usageOf,
  type Said,
} from "./mock-answers.ts";
import { verdictOn } from "./mock-judge.ts";
import { goodKeys, mockModels, type MockModel, type Trouble } from "./mock-models.ts";
import { aboutOf } from "./questions.ts";

/** The providers of the demo: one server that plays all of them, told apart by models and keys. */
export interface MockProviders extends AsyncDisposable {
  /** With `/v1`. */
  readonly baseUrl: string;
  /** What may be turned while it runs. */
  readonly controls: MockControls;
}

export interface MockControls {
  /** 1 is as a provider would be; 0 answers at once. */
  pace: number;
  /** With which share of comparisons the cache's check says that equal answers differ. */
  judgeErrorShare: number;
}

const requestSchema = z.looseObject({
  model: z.string().default("atlas-mini"),
  stream: z.boolean().optional(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
  messages: z.array(z.looseObject({ content: z.unknown() })).default([]),
  prompt: z.unknown().optional(),
  input: z.unknown().optional(),
  encoding_format: z.string().optional(),
  response_format: z.unknown().optional(),
});
type MockRequest = z.infer<typeof requestSchema>;

const ordinary: MockModel = { firstMs: 50, gapMs: 6, usage: { input: 40, output: 20 } };
/** Longer than any deadline of the demo; a client that leaves ends it before. */
const hangMs = 60_000;

export async function startMockProviders(): Promise<MockProviders> {
  const controls: MockControls = { pace: 1, judgeErrorShare: 0 };
  const counts = new Map<string, number>();
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void answer(request, response, { controls, counts }).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    controls,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface State {
  readonly controls: MockControls;
  /** Calls of each model that has troubles. */
  readonly counts: Map<string, number>;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  state: State,
): Promise<void> {
  const path = request.url ?? "";
  const body = await readBody(request);
  const key = /^Bearer (.*)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
  if (!goodKeys.has(key)) {
    sendJson(response, 401, errorAnswer("this key was revoked.", "invalid_api_key"));
    return;
  }
  if (request.method === "GET") {
    const data = Object.keys(mockModels).map((id) => ({ id, object: "model", owned_by: "mock" }));
    sendJson(response, 200, { object: "list", data });
    return;
  }
  await answerModel(path, { response, state, asked: requestSchema.parse(JSON.parse(body)) });
}

interface ModelCall {
  readonly response: ServerResponse;
  readonly state: State;
  readonly asked: MockRequest;
}

async function answerModel(path: string, { response, state, asked }: ModelCall): Promise<void> {
  const model = mockModels[asked.model] ?? ordinary;
  const trouble = isDue(asked.model, model.trouble, state.counts) ? model.trouble : undefined;
  if (await hasFailed(response, trouble)) return;
  await sleep(model.firstMs * state.controls.pace * (0.6 + 0.8 * Math.random()));
  const isCut = trouble?.kind === "is-cut";
  if (asked.stream === true && path.endsWith("/chat/completions")) {
    await stream(response, asked, { model, state, isCut });
  } else if (isCut) {
    response.destroy();
  } else {
    sendJson(response, 200, wholeAnswer(path, asked, sayTo(asked, model, state.controls)));
  }
}

function isDue(name: string, trouble: Trouble | undefined, counts: Map<string, number>): boolean {
  if (trouble === undefined) return false;
  const count = counts.get(name) ?? 0;
  counts.set(name, count + 1);
  return trouble.calls[count % trouble.calls.length] === "x";
}

async function hasFailed(response: ServerResponse, trouble: Trouble | undefined): Promise<boolean> {
  switch (trouble?.kind) {
    case "fails":
      sendJson(response, 503, errorAnswer("it is down for a moment."));
      return true;
    case "refuses":
      sendJson(response, 400, errorAnswer("it does not take this prompt.", "invalid_prompt"));
      return true;
    case "is-busy":
      response.setHeader("retry-after-ms", "150");
      sendJson(response, 429, errorAnswer("too many requests.", "rate_limit_exceeded"));
      return true;
    case "hangs": {
      const left = new AbortController();
      response.once("close", () => left.abort());
      await sleep(hangMs, undefined, { signal: left.signal, ref: false }).catch(() => undefined);
      response.destroy();
      return true;
    }
    case "is-cut":
    case undefined:
      return false;
  }
}

interface StreamPlan {
  readonly model: MockModel;
  readonly state: State;
  readonly isCut: boolean;
}

async function stream(
  response: ServerResponse,
  asked: MockRequest,
  { model, state, isCut }: StreamPlan,
): Promise<void> {
  const { controls } = state;
  const events = chatEvents(
    sayTo(asked, model, controls),
    asked.stream_options?.include_usage === true,
  );
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  for (const [index, event] of events.entries()) {
    if (response.destroyed) return;
    if (isCut && index * 2 >= events.length) {
      response.destroy();
      return;
    }
    response.write(event);
    await sleep(model.gapMs * controls.pace);
  }
  response.end(streamEnd);
}

function wholeAnswer(path: string, asked: MockRequest, said: Said): object {
  const texts = Array.isArray(asked.input) ? asked.input.map(String) : [String(asked.input)];
  switch (path.replace(/^.*\/v1/, "")) {
    case "/embeddings":
      return embeddingAnswer(asked.model, texts, asked.encoding_format === "base64");
    case "/completions":
      return completionAnswer(said);
    case "/responses":
      return responseAnswer(said);
    case "/moderations":
      return moderationAnswer(asked.model);
    default:
      return chatAnswer(said);
  }
}

let answerCount = 0;

function sayTo(asked: MockRequest, model: MockModel, controls: MockControls): Said {
  const usage = usageOf(model.usage);
  const verdict = verdictOn({ messages: asked.messages, responseFormat: asked.response_format });
  if (verdict !== undefined) return { model: asked.model, text: "", ...verdict, usage };
  const last = asked.messages.at(-1)?.content ?? asked.prompt ?? asked.input ?? "";
  const question = typeof last === "string" ? last : JSON.stringify(last);
  if (asked.model === "atlas-judge") {
    return { model: asked.model, text: compare(question, controls.judgeErrorShare), usage };
  }
  const about = aboutOf(question);
  // No two answers are the same word for word, so that the judge is asked whether they mean the same.
  const text = `About "${about}" (answer ${++answerCount}): this is a demo, and nobody has thought about it, but an answer of a model would stand here.`;
  return { model: asked.model, text, usage };
}

/** Answers quote what they are about, which is what the judge compares. */
function compare(comparison: string, errorShare: number): "SAME" | "DIFFERENT" {
  const abouts = [...comparison.matchAll(/About "([^"]*)" \(answer/g)].map(([, about]) => about);
  if (abouts.length !== 2 || new Set(abouts).size !== 1) return "DIFFERENT";
  return Math.random() < errorShare ? "DIFFERENT" : "SAME";
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}
