import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, embed, generateText, stepCountIs, streamText, tool } from "ai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import { startSentinelAndMock } from "../support/sentinel-and-mock.ts";
import type { SentinelAndMock } from "../support/sentinel-and-mock.ts";
import { answerWeather, cities, weatherAnswer, weatherQuestion } from "../support/weather-mock.ts";

describe("Vercel's AI SDK", () => {
  let both: SentinelAndMock;
  let sentinel: ReturnType<typeof createOpenAICompatible>;

  beforeAll(async () => {
    both = await startSentinelAndMock();
    sentinel = createOpenAICompatible({
      name: "sentinel",
      baseURL: both.client.baseURL,
      apiKey: both.client.apiKey,
      includeUsage: true,
      supportsStructuredOutputs: true,
    });
    answerWeather(both.mock);
    both.mock.onMessage("Say hello", {
      content: greeting,
      usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
    });
  });
  afterAll(() => both[Symbol.asyncDispose]());

  test("generates text, with its usage and the id of the request", async () => {
    const answer = await generateText({ model: sentinel("gpt-4o"), prompt: "Say hello" });
    expect(answer.text).toBe(greeting);
    expect(answer.finishReason).toBe("stop");
    expect(answer.usage).toMatchObject({ inputTokens: 11, outputTokens: 7 });
    const requestId = answer.response.headers?.["x-request-id"];
    await both.sentinel.waitForLine(({ request_id }) => request_id === requestId);
  });

  test("streams text in pieces, with its usage at the end", async () => {
    const answer = streamText({ model: sentinel("gpt-4o"), prompt: "Say hello" });
    const pieces = await Array.fromAsync(answer.textStream);
    expect(pieces.join("")).toBe(greeting);
    expect(pieces.length).toBeGreaterThan(1);
    expect(await answer.finishReason).toBe("stop");
    expect(await answer.usage).toMatchObject({ inputTokens: 11, outputTokens: 7 });
  });

  test("runs tools and goes on with their results, whole", async () => {
    const asked: string[] = [];
    const answer = await generateText({ ...withWeather(asked), model: sentinel("gpt-4o") });
    expect(asked).toEqual(cities);
    expect(answer.steps.map(({ finishReason }) => finishReason)).toEqual(["tool-calls", "stop"]);
    expect(answer.text).toBe(weatherAnswer);
  });

  test("runs tools and goes on with their results, streamed", async () => {
    const asked: string[] = [];
    const answer = streamText({ ...withWeather(asked), model: sentinel("gpt-4o") });
    expect(await answer.text).toBe(weatherAnswer);
    expect(asked).toEqual(cities);
  });

  test("generates an object that follows a schema", async () => {
    both.mock.on(
      { userMessage: "Extract the event", responseFormat: "json_schema" },
      { content: JSON.stringify(fete) },
    );
    const { output } = await generateText({
      model: sentinel("gpt-4o"),
      prompt: "Extract the event",
      output: Output.object({ schema: event }),
    });
    expect(output).toEqual(fete);
  });

  test("embeds", async () => {
    both.mock.onEmbedding("a sentence", { embedding: [0.5, -0.25, 0] });
    const { embedding } = await embed({
      model: sentinel.embeddingModel("text-embedding-3-small"),
      value: "a sentence",
    });
    expect(embedding).toEqual([0.5, -0.25, 0]);
  });

  test("tells an error that retrying cannot mend from one that it can", async () => {
    both.mock.onMessage("Too long", {
      error: { message: "Too many tokens.", code: "context_length_exceeded" },
      status: 400,
    });
    both.mock.onMessage("Always busy", {
      error: { message: "Rate limit reached.", code: "rate_limit_exceeded" },
      status: 429,
      retryAfter: 60,
    });
    const refused = await callError(generateTextOnce("Too long"));
    expect(refused).toMatchObject({ statusCode: 400, isRetryable: false });
    expect(refused.message).toContain("Too many tokens.");
    const busy = await callError(generateTextOnce("Always busy"));
    expect(busy).toMatchObject({ statusCode: 429, isRetryable: true });
    expect(busy.responseHeaders?.["retry-after"]).toBe("60");
  });

  test("sees a stream that breaks off as an error, not as an end", async () => {
    both.mock.on(
      { userMessage: "Break off" },
      { content: greeting },
      { chunkSize: 5, latency: 5, truncateAfterChunks: 6 },
    );
    const answer = streamText({
      model: sentinel("gpt-4o"),
      prompt: "Break off",
      maxRetries: 0,
      onError: () => undefined,
    });
    const types: string[] = [];
    const read = async (): Promise<void> => {
      for await (const { type } of answer.fullStream) types.push(type);
    };
    await expect(read()).rejects.toThrow(APICallError);
    expect(types).toContain("text-delta");
    expect(types.at(-1)).toBe("error");
    expect(types).not.toContain("finish");
  });

  const generateTextOnce = (prompt: string) =>
    generateText({ model: sentinel("gpt-4o"), prompt, maxRetries: 0 });
});

const greeting = "Hello! Grüße, 你好, 👋🏽. Here is enough text to fill more than one piece.";
const fete = { name: "Fête", people: ["Ada", "Émilie"] };
const event = z.object({ name: z.string(), people: z.array(z.string()) });

const withWeather = (asked: string[]) => ({
  prompt: weatherQuestion,
  stopWhen: stepCountIs(3),
  tools: {
    get_weather: tool({
      description: "The weather in a city",
      inputSchema: z.object({ city: z.string() }),
      execute: ({ city }) => {
        asked.push(city);
        return "fine";
      },
    }),
  },
});

async function callError(asked: Promise<unknown>): Promise<APICallError> {
  try {
    await asked;
  } catch (error) {
    if (APICallError.isInstance(error)) return error;
    throw error;
  }
  throw new Error("it was answered");
}
