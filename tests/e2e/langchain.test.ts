import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import type { AIMessageChunk } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import { startSentinelAndMock } from "../support/sentinel-and-mock.ts";
import type { SentinelAndMock } from "../support/sentinel-and-mock.ts";
import { answerWeather, cities, weatherAnswer, weatherQuestion } from "../support/weather-mock.ts";

describe("LangChain", () => {
  let both: SentinelAndMock;
  let model: ChatOpenAI;

  beforeAll(async () => {
    both = await startSentinelAndMock();
    model = new ChatOpenAI({ model: "gpt-4o", maxRetries: 0, ...connection(both) });
    answerWeather(both.mock);
    both.mock.onMessage("Say hello", {
      content: greeting,
      usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
    });
  });
  afterAll(() => both[Symbol.asyncDispose]());

  test("invokes a model", async () => {
    const answer = await model.invoke("Say hello");
    expect(answer.text).toBe(greeting);
    expect(answer.usage_metadata).toMatchObject({ input_tokens: 11, output_tokens: 7 });
  });

  test("streams a model's answer in pieces, with its usage", async () => {
    const chunks = await Array.fromAsync(await model.stream("Say hello"));
    expect(chunks.map(({ text }) => text).join("")).toBe(greeting);
    expect(chunks.length).toBeGreaterThan(2);
    expect(joined(chunks).usage_metadata).toMatchObject({ input_tokens: 11, output_tokens: 7 });
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
    expect(joined(chunks).tool_calls?.map(({ name, args }) => [name, args])).toEqual(calls);
  });

  test("gets structured output", async () => {
    both.mock.on(
      { userMessage: "Extract the event", responseFormat: "json_schema" },
      { content: JSON.stringify(fete) },
    );
    const structured = model.withStructuredOutput(event, { name: "event", method: "jsonSchema" });
    expect(await structured.invoke("Extract the event")).toEqual(fete);
  });

  test("embeds documents and queries", async () => {
    both.mock.onEmbedding("a sentence", { embedding: [0.5, -0.25, 0] });
    const embeddings = new OpenAIEmbeddings({
      model: "text-embedding-3-small",
      maxRetries: 0,
      ...connection(both),
    });
    expect(await embeddings.embedQuery("a sentence")).toEqual([0.5, -0.25, 0]);
    expect(await embeddings.embedDocuments(["a sentence", "b"])).toHaveLength(2);
  });

  test("sends a conversation of several turns as it is", async () => {
    await model.invoke([
      new HumanMessage("My name is Ada."),
      new AIMessage("Hello Ada."),
      new HumanMessage("Say hello"),
    ]);
    expect(both.mock.getLastRequest()?.body?.messages).toEqual([
      { role: "user", content: "My name is Ada." },
      { role: "assistant", content: "Hello Ada." },
      { role: "user", content: "Say hello" },
    ]);
  });

  test("names the reason when a model is not to be had", async () => {
    const absent = new ChatOpenAI({ model: "no-such-model", maxRetries: 0, ...connection(both) });
    await expect(absent.invoke("Say hello")).rejects.toMatchObject({
      status: 404,
      code: "model_not_found",
    });
  });

  test("rejects when a stream breaks off", async () => {
    both.mock.on(
      { userMessage: "Break off" },
      { content: greeting },
      { chunkSize: 5, latency: 5, truncateAfterChunks: 6 },
    );
    const pieces: string[] = [];
    const read = async (): Promise<void> => {
      for await (const { text } of await model.stream("Break off")) pieces.push(text);
    };
    await expect(read()).rejects.toThrow("broke off");
    expect(pieces.join("")).not.toBe("");
  });
});

const greeting = "Hello! Grüße, 你好, 👋🏽. Here is enough text to fill more than one piece.";
const fete = { name: "Fête", people: ["Ada", "Émilie"] };
const event = z.object({ name: z.string(), people: z.array(z.string()) });
const calls = cities.map((city) => ["get_weather", { city }]);

const weatherTool = tool(() => "fine", {
  name: "get_weather",
  description: "The weather in a city",
  schema: z.object({ city: z.string() }),
});

const connection = ({ client }: SentinelAndMock) => ({
  apiKey: client.apiKey,
  configuration: { baseURL: client.baseURL },
});

function joined(chunks: readonly AIMessageChunk[]): AIMessageChunk {
  return chunks.reduce((before, chunk) => before.concat(chunk));
}
