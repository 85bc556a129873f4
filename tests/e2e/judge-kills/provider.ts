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
import { answerTo, callIn, secretsIn } from "./calls.ts";
import {
  conductFor,
  evaluators,
  nameOf,
  neighbourOf,
  ratingFor,
  weightOfSaid,
} from "./judge-script.ts";
import type { Asked } from "./judge-script.ts";
import { costOf, usageOf } from "./prices.ts";

/** A call of the judge, as the judge has seen it. */
export interface JudgeCall extends Asked {
  /** Of its usage; undefined: it answered with an error, which has none. */
  readonly serial: number | undefined;
  readonly nanoUsd: bigint;
  /** Whether what it said was a verdict. */
  readonly isVerdict: boolean;
}

export interface JudgeProvider extends AsyncDisposable {
  readonly url: string;
  readonly calls: readonly JudgeCall[];
  /** Questions that were no judge's question, or two of them in one. */
  readonly complaints: readonly string[];
  /** Answers and verdicts that are under way. */
  readonly openCount: number;
  readonly openJudgeCount: number;
}

const judgeMsMax = 30;

/** Answers each call as its prompt says, and judges as `judge-script.ts` says, in its own time. */
export async function startJudgeProvider(random: () => number): Promise<JudgeProvider> {
  const calls: JudgeCall[] = [];
  const complaints: string[] = [];
  const failedOnce = new Set<string>();
  let openJudgeCount = 0;
  const upstream = await startScriptedUpstream(async (response, request) => {
    // The list of requests is for tests that look at them; a long run has no room for it.
    upstream.forget();
    if (request.json?.["response_format"] === undefined) {
      await answer(response, request);
      return;
    }
    openJudgeCount += 1;
    response.once("close", () => (openJudgeCount -= 1));
    await pause(1 + random() * (judgeMsMax - 1));
    judge(response, request);
  });

  function judge(response: ServerResponse, request: SeenRequest): void {
    const texts = textsOf(request);
    const asked = askedIn(texts);
    if (asked === undefined) {
      complaints.push(
        `the judge got a question about ${[...secretsIn(texts.join())].join(" and ")}`,
      );
      fail(response, 400);
      return;
    }
    const conduct = conductFor(asked);
    const name = nameOf(asked);
    const isFirst = !failedOnce.has(name);
    if (conduct === "rejecting" || (isFirst && (conduct === "limited" || conduct === "failing"))) {
      failedOnce.add(name);
      calls.push({ ...asked, serial: undefined, nanoUsd: 0n, isVerdict: false });
      fail(response, conduct === "rejecting" ? 400 : conduct === "limited" ? 429 : 500);
      return;
    }
    const isRepair = texts.length > 2;
    const isVerdict =
      !["invalid", "refusing"].includes(conduct) && (conduct !== "prose" || isRepair);
    const serial = calls.length;
    const usage = usageOf(serial);
    if (usage.inputTokens > request.body.length)
      complaints.push("a prompt is shorter than it costs");
    calls.push({ ...asked, serial, nanoUsd: costOf(usage), isVerdict });
    sendJson(response, 200, withUsage(replyTo(asked, isVerdict), usage));
  }

  return {
    url: upstream.baseUrl,
    calls,
    complaints,
    get openCount() {
      return upstream.openCount;
    },
    get openJudgeCount() {
      return openJudgeCount;
    },
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

function textsOf({ json }: SeenRequest): readonly string[] {
  const messages = json?.["messages"] as readonly { readonly content: string }[];
  return messages.map(({ content }) => content);
}

/** Undefined: it is not one call, with its own answer and no other's, by one evaluator of the proof. */
function askedIn([rubric = "", ...material]: readonly string[]): Asked | undefined {
  const [label, ...others] = secretsIn(material.join());
  const found = evaluators.find(({ instructions }) => rubric.includes(instructions));
  if (label === undefined || others.length > 0 || found === undefined) return undefined;
  return { label, evaluator: found.name };
}

function replyTo(asked: Asked, isVerdict: boolean): object {
  const rating = ratingFor(asked);
  const conduct = conductFor(asked);
  if (conduct === "refusing") return saying(null, { refusal: "I would rather not." });
  if (!isVerdict) return saying(`I should say it is a ${rating}, all in all.`);
  const parts = ['{"reason":"', "So it is", '","label":"', String(rating), '"}'];
  if (conduct !== "weighted") return saying(parts.join(""));
  return saying(parts.join(""), {}, { content: parts.map((part) => tokenOf(part, rating)) });
}

function tokenOf(token: string, rating: number): object {
  const said = { token, logprob: 0, bytes: [...Buffer.from(token)] };
  if (token !== String(rating)) return { ...said, top_logprobs: [said] };
  const likely = { ...said, logprob: Math.log(weightOfSaid) };
  const neighbour = {
    token: String(neighbourOf(rating)),
    logprob: Math.log(1 - weightOfSaid),
    bytes: [...Buffer.from(String(neighbourOf(rating)))],
  };
  return { ...likely, top_logprobs: [likely, neighbour] };
}

const saying = (
  content: string | null,
  more: object = {},
  logprobs: object | null = null,
): object =>
  completion("", {
    choices: [
      {
        index: 0,
        message: { role: "assistant", content, refusal: null, ...more },
        logprobs,
        finish_reason: "stop",
      },
    ],
  });

const withUsage = (
  body: object,
  { inputTokens, outputTokens }: ReturnType<typeof usageOf>,
): object => ({
  ...body,
  usage: {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  },
});

async function answer(response: ServerResponse, request: SeenRequest): Promise<void> {
  const [question = "{}"] = textsOf(request);
  const call = callIn(question);
  if (call.kind === "whole") {
    sendJson(response, 200, completion(answerTo(call.label)));
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(chatChunk({ content: answerTo(call.label) }));
  for (let piece = 1; piece < call.pieces; piece += 1) {
    await pause(call.paceMs);
    if (response.destroyed) return;
    if (call.kind === "broken" && piece * 2 >= call.pieces) {
      response.destroy();
      return;
    }
    response.write(chatChunk({ content: ` And more, part ${piece}.` }));
  }
  const usage = { prompt_tokens: 60, completion_tokens: 20, total_tokens: 80 };
  response.end(chatChunk({}, "stop") + usageChunk(usage) + done);
}

function fail(response: ServerResponse, status: number): void {
  const error = { message: "As was asked for.", type: "proof_error", code: null };
  sendJson(response, status, { error });
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  if (response.destroyed) return;
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
