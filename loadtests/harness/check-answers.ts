import { isDeepStrictEqual } from "node:util";
import { chatHeaders, chatPath, nextStreamRequest, nextWholeRequest } from "./chat-requests.ts";
import { contentChunkCount, wholeAnswer } from "./mock-answers.ts";

/**
 * Asks a target for one whole answer and one stream before anything is measured: a wrong answer can be
 * quick. Returns what is wrong, or undefined.
 */
export async function whatIsWrong(origin: string): Promise<string | undefined> {
  return (await wrongWholeAnswer(origin)) ?? (await wrongStream(origin));
}

async function wrongWholeAnswer(origin: string): Promise<string | undefined> {
  const response = await ask(origin, nextWholeRequest());
  if (!response.ok) return `whole answer has status ${response.status}`;
  const { choices, usage } = (await response.json()) as Answer;
  const expected = JSON.parse(wholeAnswer.toString()) as Answer;
  const isSame = isDeepStrictEqual([choices, usage], [expected.choices, expected.usage]);
  return isSame ? undefined : "whole answer differs from the provider's";
}

async function wrongStream(origin: string): Promise<string | undefined> {
  const response = await ask(origin, nextStreamRequest());
  if (!response.ok) return `stream has status ${response.status}`;
  const events = (await response.text()).split("\n\n").filter((event) => event.includes("data:"));
  if (events.at(-1)?.trim() !== "data: [DONE]") return "stream does not end with [DONE]";
  const isComplete = events.length === contentChunkCount + 1;
  return isComplete ? undefined : `stream has ${events.length - 1} chunks`;
}

interface Answer {
  readonly choices?: unknown;
  readonly usage?: unknown;
}

function ask(origin: string, body: string): Promise<Response> {
  return fetch(origin + chatPath, {
    method: "POST",
    headers: chatHeaders,
    body,
    signal: AbortSignal.timeout(10_000),
  });
}
