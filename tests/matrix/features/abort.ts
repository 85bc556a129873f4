import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { expect } from "vitest";

import { until } from "../../support/gateway.ts";
import { user } from "../ask.ts";
import { plainUsage } from "../cell.ts";
import type { Cell, Feature } from "../cell.ts";
import { writeEvents } from "../stage.ts";
import { failureOf } from "../sdk-failures.ts";

/** A client that leaves takes the vendor's connection with it: while it waits, and in the middle. */
export const abort: Feature = {
  name: "abort",
  test: async (cell) => {
    await leaveWhileWaiting(cell);
    if (cell.mode === "streamed") await leaveInTheMiddle(cell);
    return "ok";
  },
};

async function leaveWhileWaiting({ stage, ask }: Cell): Promise<void> {
  stage.play(() => undefined); // It never answers.
  const controller = new AbortController();
  const failure = failureOf(ask({ turns: [user("Hi")], signal: controller.signal }));
  await until("the upstream was asked", () => stage.upstream.openCount === 1);
  controller.abort();
  expectAborted(await failure);
  await until("the upstream was left", () => stage.upstream.openCount === 0);
}

async function leaveInTheMiddle({ stage, ask, vendor }: Cell): Promise<void> {
  const answer = { text: "a".repeat(200), finish: "stop", usage: plainUsage } as const;
  stage.play(async (response, seen) => {
    const events = vendor.events(answer, seen);
    await writeEvents(response, events.slice(0, events.length / 2)); // And then no more.
  });
  const controller = new AbortController();
  const leaveAtFirstText = (text: string): void => {
    if (text !== "") controller.abort();
  };
  const asked = ask({ turns: [user("Hi")], signal: controller.signal }, leaveAtFirstText);
  const left = await asked.catch((error: unknown) => error);
  // OpenAI's client ends an aborted stream without an error, and so without the end of an answer.
  if (left instanceof Anthropic.APIUserAbortError) expectAborted(left);
  else expect(left).toBeInstanceOf(Error);
  await until("the upstream was left", () => stage.upstream.openCount === 0);
}

function expectAborted(error: unknown): void {
  const isAborted =
    error instanceof OpenAI.APIUserAbortError || error instanceof Anthropic.APIUserAbortError;
  expect(isAborted, String(error)).toBe(true);
}
