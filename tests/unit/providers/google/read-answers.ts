import { expect } from "vitest";

import type { Failure } from "../../../../src/errors.ts";
import { readStream } from "../../../../src/providers/google/from-events.ts";
import { readWhole } from "../../../../src/providers/google/from-response.ts";
import type { AnswerContext } from "../../../../src/providers/google/from-response.ts";
import { ToolNames } from "../../../../src/providers/google/tool-names.ts";
import type { UpstreamBody } from "../../../../src/providers/transport/upstream-call.ts";
import { event } from "../../../fixtures/google/responses.ts";

export const context = (names = new ToolNames()): AnswerContext => ({
  model: "m",
  names,
  upstream: { name: "google", key: undefined, headers: {} },
});

export interface Message {
  content: string | null;
  reasoning_content?: string;
  refusal?: string | null;
  tool_calls?: { id: string; function: { name: string; arguments: string } }[];
  [more: string]: unknown;
}
export interface Choice {
  index: number;
  message: Message;
  finish_reason: string;
  logprobs: unknown;
}

export const whole = (
  body: unknown,
  from = context(),
): { choices: Choice[]; usage?: unknown; [more: string]: unknown } =>
  readWhole(Buffer.from(JSON.stringify(body)), from).value as never;

const bodyOf = (chunks: readonly Buffer[]): UpstreamBody => {
  const left = [...chunks];
  return {
    next: () => Promise.resolve(left.shift()),
    cancel: () => undefined,
    drain: () => undefined,
  };
};

export interface Chunk {
  id: string;
  model: string;
  choices: { index: number; delta: Record<string, unknown>; finish_reason: string | null }[];
  usage?: unknown;
}

export async function stream(
  chunks: readonly Buffer[],
  showsUsage = true,
  from = context(),
): Promise<Chunk[]> {
  const events = readStream(bodyOf(chunks), from, showsUsage);
  const got: Chunk[] = [];
  for (;;) {
    const batch = await events.next();
    expect(batch.events.length > 0 || batch.isLast).toBe(true);
    for (const { data } of batch.events)
      if (data !== undefined) got.push(JSON.parse(data) as Chunk);
    if (batch.isLast) return got;
  }
}

export const streamed = (...responses: readonly object[]): Promise<Chunk[]> =>
  stream([Buffer.from(responses.map(event).join(""))]);

/** What a client has put together from a stream: the message of each choice, and how it ended. */
export function assembled(chunks: readonly Chunk[]): Choice[] {
  const choices = new Map<number, Choice>();
  for (const { index, delta, finish_reason } of chunks.flatMap((chunk) => chunk.choices)) {
    if (!choices.has(index)) expect(delta["role"]).toBe("assistant");
    const choice = choices.get(index) ?? {
      index,
      message: { role: "assistant", content: null, refusal: null },
      finish_reason: "",
      logprobs: null,
    };
    choices.set(index, choice);
    addDelta(choice.message, delta);
    if (finish_reason === null) continue;
    expect(choice.finish_reason).toBe("");
    choice.finish_reason = finish_reason;
  }
  return [...choices.values()];
}

function addDelta(message: Message, delta: Record<string, unknown>): void {
  const { content, reasoning_content: reasoning, tool_calls, images, role, ...others } = delta;
  expect(role ?? "assistant").toBe("assistant");
  if (typeof content === "string") message.content = (message.content ?? "") + content;
  if (typeof reasoning === "string") {
    message.reasoning_content = (message.reasoning_content ?? "") + reasoning;
  }
  for (const { index: place, ...call } of (tool_calls ?? []) as { index: number }[]) {
    message.tool_calls ??= [];
    expect(place).toBe(message.tool_calls.length);
    message.tool_calls.push(call as never);
  }
  if (Array.isArray(images)) {
    message["images"] = [...((message["images"] ?? []) as unknown[]), ...(images as unknown[])];
  }
  Object.assign(message, others);
}

export const failureOf = async (promise: Promise<unknown>): Promise<Failure> =>
  promise.then(
    () => {
      throw new Error("it was taken for an answer");
    },
    (error: unknown) => error as Failure,
  );
