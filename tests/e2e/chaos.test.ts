import OpenAI from "openai";
import type { APIError } from "openai";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { apiError } from "../support/openai-error.ts";
import { startSentinelAndMock } from "../support/sentinel-and-mock.ts";
import type { SentinelAndMock } from "../support/sentinel-and-mock.ts";

const greeting = "Hello! Here is an answer of some length, so that it comes in a number of pieces.";
const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "Say hello" }];

/** Sentinel tries three times at `gpt-4o`, once at its alias `once`. */
const hello = { model: "gpt-4o", messages };
const helloOnce = { model: "once", messages };
const modes = { whole: { stream: false }, streamed: { stream: true } } as const;
const bothModes = ["whole", "streamed"] as const;

/**
 * An upstream that misbehaves, as the official client sees it through Sentinel: always the right class of
 * error, never an answer that looks finished. The breaker is out of the way: it has tests of its own.
 */
describe("with an upstream that misbehaves, the official openai client", () => {
  let both: SentinelAndMock;
  let client: OpenAI;

  beforeAll(async () => {
    const breaker = { consecutive_failures: 1_000, minimum_requests: 1_000 };
    both = await startSentinelAndMock({
      provider: { breaker },
      yaml: {
        models: { once: { retries: 0, targets: [{ provider: "openai", model: "gpt-4o" }] } },
      },
    });
    client = new OpenAI({ ...both.client, maxRetries: 0 });
    both.mock.onMessage("Say hello", { content: greeting });
    both.mock.on(
      { userMessage: "Break off" },
      { content: greeting },
      { chunkSize: 5, latency: 5, truncateAfterChunks: 6 },
    );
  });
  afterEach(() => both.mock.clearChaos());
  afterAll(() => both[Symbol.asyncDispose]());

  test("does not notice a single failure, since Sentinel asks again", async () => {
    both.mock.nextRequestError(500, { message: "boom" });
    const { data, response } = await client.chat.completions.create(hello).withResponse();
    expect(data.choices[0]?.message.content).toBe(greeting);
    expect(response.headers.get("x-sentinel-attempts")).toBe("2");
  });

  test.for(bothModes)("gets InternalServerError from 500s that do not stop: %s", async (mode) => {
    both.mock.setChaos({ dropRate: 1 });
    const { error, text } = await failureOf(client, { ...hello, ...modes[mode] });
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error.headers?.get("x-sentinel-attempts")).toBe("3");
    expect(text).toBe("");
  });

  test.for(bothModes)("gets RateLimitError from 429s, with their retry-after: %s", async (mode) => {
    both.mock.setChaos({ rateLimitRate: 1 });
    const { error, text } = await failureOf(client, { ...helloOnce, ...modes[mode] });
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error.headers?.get("retry-after")).toBe("1");
    expect(text).toBe("");
  });

  test.for(bothModes)("gets InternalServerError from malformed JSON: %s", async (mode) => {
    both.mock.setChaos({ malformedRate: 1 });
    const { error, text } = await failureOf(client, { ...helloOnce, ...modes[mode] });
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error).toMatchObject({ status: 502, code: "upstream_error" });
    expect(error.message).not.toContain("<<<chaos>>>");
    expect(text).toBe("");
  });

  test.for(bothModes)("gets InternalServerError from a cut connection: %s", async (mode) => {
    both.mock.setChaos({ disconnectRate: 1 });
    const { error, text } = await failureOf(client, { ...helloOnce, ...modes[mode] });
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error).toMatchObject({ status: 502, code: "upstream_error" });
    expect(text).toBe("");
  });

  test("gets APIError and no end after the text so far, when a stream breaks off", async () => {
    const { error, text, finishReasons } = await failureOf(client, {
      ...breakingOff,
      stream: true,
    });
    expect(error).toMatchObject({ code: "upstream_error" });
    expect(text).not.toBe("");
    expect(greeting.startsWith(text)).toBe(true);
    expect(finishReasons).toEqual([]);
    const line = await both.sentinel.waitForLine(
      ({ outcome, ttft_ms }) => outcome === "upstream_error" && ttft_ms !== undefined,
    );
    expect(line).toMatchObject({ attempts: 1, stream: true });
  });

  test("has no final content when a stream breaks off", async () => {
    const stream = client.chat.completions.stream(breakingOff);
    await expect(stream.finalContent()).rejects.toThrow(OpenAI.APIError);
  });

  test("has no final response when a stream of the Responses API breaks off", async () => {
    const stream = client.responses.stream({ model: "gpt-4o", input: "Break off" });
    const types: string[] = [];
    stream.on("event", ({ type }) => types.push(type));
    await expect(stream.finalResponse()).rejects.toThrow();
    expect(types).toContain("response.output_text.delta");
    expect(types).not.toContain("response.completed");
  });
});

test("an upstream that works again is used again", async () => {
  await using both = await startSentinelAndMock({ mock: { chaos: { dropRate: 1 } } });
  const client = new OpenAI({ ...both.client, maxRetries: 0 });
  both.mock.onMessage("Say hello", { content: greeting });
  await failureOf(client, hello);
  both.mock.clearChaos();
  const answer = await client.chat.completions.create(hello);
  expect(answer.choices[0]?.message.content).toBe(greeting);
});

const breakingOff = {
  model: "gpt-4o",
  messages: [{ role: "user", content: "Break off" }],
} satisfies OpenAI.ChatCompletionCreateParams;

interface Seen {
  readonly error: APIError;
  /** What came before the error. */
  readonly text: string;
  readonly finishReasons: readonly string[];
}

async function failureOf(
  client: OpenAI,
  request: OpenAI.ChatCompletionCreateParams,
): Promise<Seen> {
  let text = "";
  const finishReasons: string[] = [];
  try {
    const answer = await client.chat.completions.create(request);
    if (!("choices" in answer)) {
      for await (const { choices } of answer) {
        text += choices[0]?.delta.content ?? "";
        if (choices[0]?.finish_reason != null) finishReasons.push(choices[0].finish_reason);
      }
    }
  } catch (error) {
    return { error: apiError(error), text, finishReasons };
  }
  throw new Error(`it ended as if it were whole: ${text}`);
}
