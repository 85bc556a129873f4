import { ChatAnthropic } from "@langchain/anthropic";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import { startSentinelAndMock } from "../support/sentinel-and-mock.ts";
import type { SentinelAndMock } from "../support/sentinel-and-mock.ts";
import { answerWeather, cities, weatherAnswer, weatherQuestion } from "../support/weather-mock.ts";

describe("LangChain as a client of Anthropic's, in front of a provider that speaks OpenAI", () => {
  let both: SentinelAndMock;
  let model: ChatAnthropic;

  beforeAll(async () => {
    both = await startSentinelAndMock();
    model = new ChatAnthropic({
      model: "gpt-4o",
      maxRetries: 0,
      maxTokens: 1_000,
      apiKey: both.sentinel.apiKey,
      anthropicApiUrl: both.sentinel.url,
    });
    answerWeather(both.mock);
    both.mock.onMessage("Say hello", {
      content: greeting,
      usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
    });
  });
  afterAll(() => both[Symbol.asyncDispose]());

  test("invokes a model, and streams it, with its usage", async () => {
    const answer = await model.invoke("Say hello");
    expect(answer.text).toBe(greeting);
    expect(answer.usage_metadata).toMatchObject({ input_tokens: 11, output_tokens: 7 });
    const chunks = await Array.fromAsync(await model.stream("Say hello"));
    expect(chunks.map(({ text }) => text).join("")).toBe(greeting);
    const joined = chunks.reduce((before, chunk) => before.concat(chunk));
    // It takes the prompt's tokens from the first event, when OpenAI has not told them yet.
    expect(joined.usage_metadata).toMatchObject({ output_tokens: 7 });
  });

  test("binds tools, gets their calls and sends their results back", async () => {
    const withTools = model.bindTools([weatherTool]);
    const question = new HumanMessage(weatherQuestion);
    const called = await withTools.invoke([question]);
    expect(called.tool_calls?.map(({ name, args }) => [name, args])).toEqual(calls);
    const results = (called.tool_calls ?? []).map(
      ({ id = "" }) => new ToolMessage({ tool_call_id: id, content: "fine" }),
    );
    const answer = await withTools.invoke([question, called, ...results]);
    expect(answer.text).toBe(weatherAnswer);
  });

  test("puts streamed tool calls together", async () => {
    const chunks = await Array.fromAsync(
      await model.bindTools([weatherTool]).stream(weatherQuestion),
    );
    const joined = chunks.reduce((before, chunk) => before.concat(chunk));
    expect(joined.tool_calls?.map(({ name, args }) => [name, args])).toEqual(calls);
  });
});

const greeting = "Hello! Grüße, 你好, 👋🏽. Here is enough text to fill more than one piece.";
const calls = cities.map((city) => ["get_weather", { city }]);
const weatherTool = tool(() => "fine", {
  name: "get_weather",
  description: "The weather in a city",
  schema: z.object({ city: z.string() }),
});
