import Anthropic, {
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  NotFoundError,
  RateLimitError,
} from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startSentinelAndMock } from "../support/sentinel-and-mock.ts";
import type { SentinelAndMock } from "../support/sentinel-and-mock.ts";
import {
  answerWeather,
  cities,
  weatherAnswer,
  weatherParameters,
  weatherQuestion,
} from "../support/weather-mock.ts";

describe("Anthropic's SDK, in front of a provider that speaks OpenAI", () => {
  let both: SentinelAndMock;
  let client: Anthropic;

  beforeAll(async () => {
    both = await startSentinelAndMock();
    const { sentinel, mock } = both;
    client = new Anthropic({ baseURL: sentinel.url, apiKey: sentinel.apiKey, maxRetries: 0 });
    answerWeather(mock);
    mock.onMessage("Say hello", { content: greeting, usage });
    mock.onMessage("Think", { content: "42", reasoning: "Six by nine." });
    mock.on(
      { userMessage: "Break off" },
      { content: greeting },
      { chunkSize: 5, latency: 5, truncateAfterChunks: 6 },
    );
    mock.on({ userMessage: "Slowly" }, { content: greeting }, { chunkSize: 2, latency: 200 });
  });
  afterAll(() => both[Symbol.asyncDispose]());

  const asking = (content: string): Anthropic.MessageCreateParamsNonStreaming => ({
    model: "gpt-5",
    max_tokens: 1_000,
    messages: [{ role: "user", content }],
  });

  test("gets a message with its usage and the id of the request", async () => {
    const { _request_id: requestId, ...message } = await client.messages.create(
      asking("Say hello"),
    );
    expect(message).toMatchObject({
      type: "message",
      role: "assistant",
      content: [{ type: "text", text: greeting }],
      stop_reason: "end_turn",
      usage: { input_tokens: 11, cache_read_input_tokens: 0, output_tokens: 7 },
    });
    await both.sentinel.waitForLine(({ request_id }) => request_id === requestId);
  });

  test("streams a text in pieces, and its final message is the whole one", async () => {
    const stream = client.messages.stream(asking("Say hello"));
    const pieces: string[] = [];
    stream.on("text", (piece) => pieces.push(piece));
    const message = await stream.finalMessage();
    expect(pieces.join("")).toBe(greeting);
    expect(pieces.length).toBeGreaterThan(1);
    expect(message).toMatchObject({
      content: [{ type: "text", text: greeting }],
      stop_reason: "end_turn",
      usage: { input_tokens: 11, cache_read_input_tokens: 0, output_tokens: 7 },
    });
  });

  test.each(["whole", "streamed"])(
    "calls tools and goes on with their results, %s",
    async (mode) => {
      const send = (
        request: Anthropic.MessageCreateParamsNonStreaming,
      ): Promise<Anthropic.Message> =>
        mode === "whole"
          ? client.messages.create(request)
          : client.messages.stream(request).finalMessage();
      const question = { ...asking(weatherQuestion), tools: [weatherTool] };
      const called = await send(question);
      expect(called.stop_reason).toBe("tool_use");
      const calls = called.content.filter((block) => block.type === "tool_use");
      expect(calls.map(({ name, input }) => [name, input])).toEqual(
        cities.map((city) => ["get_weather", { city }]),
      );
      const results = calls.map(({ id }) => {
        return { type: "tool_result", tool_use_id: id, content: "fine" } as const;
      });
      const answer = await send({
        ...question,
        messages: [
          ...question.messages,
          { role: "assistant", content: called.content },
          { role: "user", content: results },
        ],
      });
      expect(answer.content).toMatchObject([{ type: "text", text: weatherAnswer }]);
    },
  );

  test.each(["whole", "streamed"])("runs tools by itself, %s", async (mode) => {
    const runs: unknown[] = [];
    const run = (input: unknown): string => {
      runs.push(input);
      return "fine";
    };
    const tools = [
      { ...weatherTool, type: "custom", run, parse: (input: unknown) => input } as const,
    ];
    const params = { ...asking(weatherQuestion), tools };
    const stream = mode === "streamed";
    const message = await client.beta.messages.toolRunner({ ...params, stream }).runUntilDone();
    expect(runs).toEqual(cities.map((city) => ({ city })));
    expect(message.content).toMatchObject([{ type: "text", text: weatherAnswer }]);
  });

  test("keeps a thread, of which the gateway forgets each turn", async () => {
    const { messages: _, ...params } = asking("");
    const thread = client.beta.messages.thread(params);
    await thread.send({ role: "user", content: "Say hello" });
    const answer = await thread.send({ role: "user", content: "Think" });
    expect(answer.content).toMatchObject([{ type: "thinking" }, { type: "text", text: "42" }]);
    expect(both.mock.getLastRequest()?.body?.messages).toEqual([
      { role: "user", content: "Say hello" },
      { role: "assistant", content: greeting },
      { role: "user", content: "Think" },
    ]);
  });

  test.each(["whole", "streamed"])(
    "gets what a model thinks, and may send it back, %s",
    async (mode) => {
      const request = {
        ...asking("Think"),
        max_tokens: 4_000,
        thinking: { type: "enabled", budget_tokens: 2_000 },
      } as const;
      const message =
        mode === "whole"
          ? await client.messages.create(request)
          : await client.messages.stream(request).finalMessage();
      expect(message.content).toMatchObject([
        {
          type: "thinking",
          thinking: "Six by nine.",
          signature: expect.stringMatching(/./) as string,
        },
        { type: "text", text: "42" },
      ]);
      expect(both.mock.getLastRequest()?.body).toMatchObject({ reasoning_effort: "low" });
      const more = await client.messages.create({
        ...request,
        messages: [
          ...request.messages,
          { role: "assistant", content: message.content },
          { role: "user", content: "Say hello" },
        ],
      });
      expect(more.content).toMatchObject([{ text: greeting }]);
      expect(both.mock.getLastRequest()?.body?.messages).toEqual([
        { role: "user", content: "Think" },
        { role: "assistant", content: "42" },
        { role: "user", content: "Say hello" },
      ]);
    },
  );

  test("gets an object that follows a schema", async () => {
    both.mock.on(
      { userMessage: "Extract the event", responseFormat: "json_schema" },
      { content: JSON.stringify(fete) },
    );
    const message = await client.messages.create({
      ...asking("Extract the event"),
      output_config: { format: { type: "json_schema", schema: eventSchema } },
    });
    const [block] = message.content;
    expect(block?.type === "text" ? JSON.parse(block.text) : undefined).toEqual(fete);
  });

  test("counts tokens and lists models", async () => {
    const { model, messages } = asking("Say hello");
    const counted = await client.messages.countTokens({ model, messages });
    expect(counted).toEqual({ input_tokens: 9 });
    const listed = await Array.fromAsync(client.models.list());
    expect(listed.map(({ type }) => type)).toEqual(listed.map(() => "model"));
    const [first] = listed;
    expect(await client.models.retrieve(first?.id ?? "")).toMatchObject({ id: first?.id });
  });

  test("throws its own classes of errors", async () => {
    both.mock.onMessage("Too long", {
      error: { message: "Too many tokens.", code: "context_length_exceeded" },
      status: 400,
    });
    both.mock.onMessage("Always busy", {
      error: { message: "Rate limit reached.", code: "rate_limit_exceeded" },
      status: 429,
      retryAfter: 60,
    });
    const stranger = new Anthropic({
      baseURL: both.sentinel.url,
      apiKey: "sk-ant-no",
      maxRetries: 0,
    });
    const thrown = (asked: Promise<unknown>): Promise<unknown> =>
      asked.catch((error: unknown) => error);

    const unknown = await thrown(stranger.messages.create(asking("Say hello")));
    expect(unknown).toBeInstanceOf(AuthenticationError);
    expect(unknown).toMatchObject({ status: 401, type: "authentication_error" });

    const absent = await thrown(client.messages.create({ ...asking("a"), model: "no-such-model" }));
    expect(absent).toBeInstanceOf(NotFoundError);
    expect(absent).toMatchObject({
      type: "not_found_error",
      requestID: expect.any(String) as string,
    });

    const long = await thrown(client.messages.create(asking("Too long")));
    expect(long).toBeInstanceOf(BadRequestError);
    expect(long).toMatchObject({ type: "invalid_request_error", apiMessage: "Too many tokens." });

    const busy = await thrown(client.messages.stream(asking("Always busy")).finalMessage());
    expect(busy).toBeInstanceOf(RateLimitError);
    expect(busy).toMatchObject({ status: 429, type: "rate_limit_error" });
  });

  test("throws when a stream breaks off, after the text that came", async () => {
    const stream = client.messages.stream(asking("Break off"));
    let text = "";
    stream.on("text", (piece) => (text += piece));
    await expect(stream.finalMessage()).rejects.toMatchObject({ type: "api_error" });
    expect(text).not.toBe("");
    expect(greeting.startsWith(text)).toBe(true);
  });

  test("may leave in the middle", async () => {
    const stream = client.messages.stream(asking("Slowly"));
    stream.on("text", () => {
      stream.abort();
    });
    await expect(stream.finalMessage()).rejects.toThrow(APIUserAbortError);
    const requestId = stream.request_id;
    const line = await both.sentinel.waitForLine(({ request_id }) => request_id === requestId);
    expect(line).toMatchObject({ status: 499, outcome: "client_closed_request" });
  });
});

const greeting = "Hello! Grüße, 你好, 👋🏽. Here is enough text to fill more than one piece.";
const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };
const fete = { name: "Fête", people: ["Ada", "Émilie"] };
const eventSchema = {
  type: "object",
  properties: { name: { type: "string" }, people: { type: "array", items: { type: "string" } } },
  required: ["name", "people"],
  additionalProperties: false,
};
const weatherTool = {
  name: "get_weather",
  description: "The weather in a city",
  input_schema: weatherParameters,
};
