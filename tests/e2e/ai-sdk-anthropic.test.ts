import { createAnthropic } from "@ai-sdk/anthropic";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import { startSentinelAndMock } from "../support/sentinel-and-mock.ts";
import type { SentinelAndMock } from "../support/sentinel-and-mock.ts";
import { answerWeather, cities, weatherAnswer, weatherQuestion } from "../support/weather-mock.ts";

describe("Vercel's AI SDK as a client of Anthropic's, in front of a provider that speaks OpenAI", () => {
  let both: SentinelAndMock;
  let anthropic: ReturnType<typeof createAnthropic>;

  beforeAll(async () => {
    both = await startSentinelAndMock();
    anthropic = createAnthropic(both.client);
    answerWeather(both.mock);
    both.mock.onMessage("Think", { content: "42", reasoning: "Six by nine." });
    both.mock.onMessage("Say hello", {
      content: greeting,
      usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
    });
  });
  afterAll(() => both[Symbol.asyncDispose]());

  test("generates text, with its usage", async () => {
    const answer = await generateText({ model: anthropic("gpt-4o"), prompt: "Say hello" });
    expect(answer.text).toBe(greeting);
    expect(answer.finishReason).toBe("stop");
    expect(answer.usage).toMatchObject({ inputTokens: 11, outputTokens: 7 });
  });

  test("streams text in pieces, with its usage at the end", async () => {
    const answer = streamText({ model: anthropic("gpt-4o"), prompt: "Say hello" });
    const pieces = await Array.fromAsync(answer.textStream);
    expect(pieces.join("")).toBe(greeting);
    expect(pieces.length).toBeGreaterThan(1);
    expect(await answer.usage).toMatchObject({ inputTokens: 11, outputTokens: 7 });
  });

  test("runs tools and goes on with their results, whole and streamed", async () => {
    const asked: string[] = [];
    const whole = await generateText({ ...withWeather(asked), model: anthropic("gpt-4o") });
    expect(whole.text).toBe(weatherAnswer);
    const streamed = streamText({ ...withWeather(asked), model: anthropic("gpt-4o") });
    expect(await streamed.text).toBe(weatherAnswer);
    expect(asked).toEqual([...cities, ...cities]);
  });

  test("gets what a model thinks", async () => {
    const answer = streamText({ model: anthropic("gpt-5"), prompt: "Think" });
    expect(await answer.reasoningText).toBe("Six by nine.");
    expect(await answer.text).toBe("42");
  });
});

const greeting = "Hello! Grüße, 你好, 👋🏽. Here is enough text to fill more than one piece.";

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
