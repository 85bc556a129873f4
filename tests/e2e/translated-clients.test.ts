import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { LLMock } from "@copilotkit/aimock";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import type { AIMessageChunk } from "@langchain/core/messages";
import { tool as langChainTool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { Output, generateText, stepCountIs, streamText, tool } from "ai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import { startSentinel } from "../support/process.ts";
import type { SentinelProcess } from "../support/process.ts";
import { answerWeather, cities, weatherAnswer, weatherQuestion } from "../support/weather-mock.ts";

/** Frameworks that speak OpenAI's format, in front of vendors that do not. */
let mock: LLMock;
let sentinel: SentinelProcess;

beforeAll(async () => {
  mock = await LLMock.create({ host: "127.0.0.1", port: 0 });
  sentinel = await startSentinel({
    env: {
      ANTHROPIC_API_KEY: "sk-ant-key-of-the-mock",
      ANTHROPIC_BASE_URL: mock.url,
      GEMINI_API_KEY: "AIza-key-of-the-mock",
      GEMINI_BASE_URL: `${mock.url}/v1beta`,
    },
  });
  answerWeather(mock);
  mock.onMessage("Say hello", {
    content: greeting,
    usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
  });
  mock.onMessage("Extract the event", { content: JSON.stringify(fete) });
});
afterAll(async () => {
  await sentinel[Symbol.asyncDispose]();
  await mock.stop();
});

const greeting = "Hello! Grüße, 你好, 👋🏽. Here is enough text to fill more than one piece.";
const fete = { name: "Fête", people: ["Ada", "Émilie"] };
const event = z.object({ name: z.string(), people: z.array(z.string()) });

describe.each(["claude-sonnet-4-5", "gemini-2.5-flash"])("%s", (modelName) => {
  describe("Vercel's AI SDK", () => {
    const model = () =>
      createOpenAICompatible({
        name: "sentinel",
        baseURL: `${sentinel.url}/v1`,
        apiKey: sentinel.apiKey,
        includeUsage: true,
        supportsStructuredOutputs: true,
      })(modelName);

    test("generates text", async () => {
      const answer = await generateText({ model: model(), prompt: "Say hello" });
      expect(answer.text).toBe(greeting);
      expect(answer.finishReason).toBe("stop");
      expect(answer.response.headers?.["x-sentinel-model"]).toBe(modelName);
    });

    test("streams text in pieces, with its usage at the end", async () => {
      const answer = streamText({ model: model(), prompt: "Say hello" });
      const pieces = await Array.fromAsync(answer.textStream);
      expect(pieces.join("")).toBe(greeting);
      expect(pieces.length).toBeGreaterThan(1);
      expect(await answer.finishReason).toBe("stop");
      expect(await answer.usage).toMatchObject({ inputTokens: 11, outputTokens: 7 });
    });

    test("runs tools and goes on with their results, whole and streamed", async () => {
      const asked: string[] = [];
      const whole = await generateText({ ...withWeather(asked), model: model() });
      expect(whole.steps.map(({ finishReason }) => finishReason)).toEqual(["tool-calls", "stop"]);
      expect(whole.text).toBe(weatherAnswer);
      const streamed = streamText({ ...withWeather(asked), model: model() });
      expect(await streamed.text).toBe(weatherAnswer);
      expect(asked).toEqual([...cities, ...cities]);
    });

    test("generates an object that follows a schema", async () => {
      const { output } = await generateText({
        model: model(),
        prompt: "Extract the event",
        output: Output.object({ schema: event }),
      });
      expect(output).toEqual(fete);
    });
  });

  describe("LangChain", () => {
    const model = () =>
      new ChatOpenAI({
        model: modelName,
        maxRetries: 0,
        apiKey: sentinel.apiKey,
        configuration: { baseURL: `${sentinel.url}/v1` },
      });

    test("invokes a model", async () => {
      expect((await model().invoke("Say hello")).text).toBe(greeting);
    });

    test("streams a model's answer in pieces, with its usage", async () => {
      const chunks = await Array.fromAsync(await model().stream("Say hello"));
      expect(chunks.map(({ text }) => text).join("")).toBe(greeting);
      expect(joined(chunks).usage_metadata).toMatchObject({ input_tokens: 11, output_tokens: 7 });
    });

    test("binds tools, gets their calls and sends their results back", async () => {
      const withTools = model().bindTools([weatherTool]);
      const question = new HumanMessage(weatherQuestion);
      const called = await withTools.invoke([question]);
      expect(called.tool_calls?.map(({ name, args }) => [name, args])).toEqual(calls);
      const results = (called.tool_calls ?? []).map(
        ({ id = "" }) => new ToolMessage({ tool_call_id: id, content: "fine" }),
      );
      expect((await withTools.invoke([question, called, ...results])).text).toBe(weatherAnswer);
    });

    test("puts streamed tool calls together", async () => {
      const withTools = model().bindTools([weatherTool]);
      const chunks = await Array.fromAsync(await withTools.stream(weatherQuestion));
      expect(joined(chunks).tool_calls?.map(({ name, args }) => [name, args])).toEqual(calls);
    });

    test("gets structured output", async () => {
      const structured = model().withStructuredOutput(event, {
        name: "event",
        method: "jsonSchema",
      });
      expect(await structured.invoke("Extract the event")).toEqual(fete);
    });
  });
});

const calls = cities.map((city) => ["get_weather", { city }]);

const weatherTool = langChainTool(() => "fine", {
  name: "get_weather",
  description: "The weather in a city",
  schema: z.object({ city: z.string() }),
});

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

function joined(chunks: readonly AIMessageChunk[]): AIMessageChunk {
  return chunks.reduce((before, chunk) => before.concat(chunk));
}
