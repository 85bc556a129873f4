import type { ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";

import {
  chatChunk,
  completion,
  done,
  startScriptedUpstream,
  usageChunk,
} from "../../support/scripted-upstream.ts";
import type { SeenRequest } from "../../support/scripted-upstream.ts";
import type { Call } from "./priced-calls.ts";

/** Answers each call as its prompt says, and notes which have reached it. */
export interface ProofProvider extends AsyncDisposable {
  readonly url: string;
  /** Labels of the calls that came. */
  readonly reached: ReadonlySet<string>;
  /** Answers that are under way. */
  readonly openCount: number;
}

export async function startProofProvider(): Promise<ProofProvider> {
  const reached = new Set<string>();
  const upstream = await startScriptedUpstream(async (response, request) => {
    const call = callIn(request);
    const isFirst = !reached.has(call.label);
    reached.add(call.label);
    // The list of requests is for tests that look at them; a long run has no room for it.
    upstream.forget();
    await pause(call.paceMs);
    if (!response.destroyed) await answerAs(call, response, isFirst);
  });
  return {
    url: upstream.baseUrl,
    reached,
    get openCount() {
      return upstream.openCount;
    },
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

function callIn({ json }: SeenRequest): Call {
  const messages = json?.["messages"] as readonly { readonly content: string }[];
  return JSON.parse(messages[0]?.content ?? "{}") as Call;
}

async function answerAs(call: Call, response: ServerResponse, isFirst: boolean): Promise<void> {
  if (call.kind === "refused") fail(response, 400, "invalid_request_error");
  else if (call.kind === "failing" || (call.kind === "retried" && isFirst)) {
    fail(response, 500, "server_error");
  } else if (call.isStream) await stream(call, response);
  else {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(completion("Done.", { usage: usageOf(call) })));
  }
}

function fail(response: ServerResponse, status: number, type: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ error: { message: "As was asked for.", type, code: null } }));
}

async function stream(call: Call, response: ServerResponse): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (let piece = 1; piece <= call.pieces; piece += 1) {
    if (response.destroyed) return;
    response.write(chatChunk({ content: `piece ${piece} ` }));
    await pause(call.paceMs);
    if (call.kind === "broken" && piece * 2 >= call.pieces) {
      response.destroy();
      return;
    }
  }
  response.end(chatChunk({}, "stop") + usageChunk(usageOf(call)) + done);
}

const usageOf = ({ inputTokens, cachedTokens, outputTokens }: Call): object => ({
  prompt_tokens: inputTokens,
  completion_tokens: outputTokens,
  total_tokens: inputTokens + outputTokens,
  prompt_tokens_details: { cached_tokens: cachedTokens },
});
