import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import { startSentinelAndMock } from "../support/sentinel-and-mock.ts";
import type { SentinelAndMock } from "../support/sentinel-and-mock.ts";
import {
  answerWeather,
  cities,
  weatherAnswer,
  weatherParameters,
  weatherQuestion,
} from "../support/weather-mock.ts";

/** OpenAI's own client, unmodified: all that is set is the address and the key. */
describe("the official openai client", () => {
  let both: SentinelAndMock;
  let client: OpenAI;

  beforeAll(async () => {
    both = await startSentinelAndMock();
    client = new OpenAI({ ...both.client, maxRetries: 0 });
    answerWeather(both.mock);
    both.mock.onMessage("Say hello", {
      content: greeting,
      usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 },
    });
  });
  afterAll(() => both[Symbol.asyncDispose]());

  test("gets a whole chat answer with its usage", async () => {
    const answer = await client.chat.completions.create(hello);
    expect(answer.choices[0]?.message.content).toBe(greeting);
    expect(answer.choices[0]?.finish_reason).toBe("stop");
    expect(answer.usage).toMatchObject({ prompt_tokens: 11, completion_tokens: 7 });
  });

  test("gets a streamed chat answer in pieces, the usage last", async () => {
    const stream = await client.chat.completions.create({
      ...hello,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    expect(text).toBe(greeting);
    expect(chunks.length).toBeGreaterThan(2);
    expect(chunks.filter((chunk) => chunk.usage != null)).toHaveLength(1);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 11 } });
  });

  test("gets no usage in a stream that did not ask for it", async () => {
    const stream = await client.chat.completions.create({ ...hello, stream: true });
    const chunks = await Array.fromAsync(stream);
    expect(chunks.filter((chunk) => chunk.usage != null || chunk.choices.length === 0)).toEqual([]);
  });

  test("gets several tool calls at once and sends their results back", async () => {
    const messages: OpenAI.ChatCompletionMessageParam[] = [
      { role: "user", content: weatherQuestion },
    ];
    const first = await client.chat.completions.create({ model, messages, tools: [weatherTool] });
    const message = first.choices[0]?.message;
    expect(first.choices[0]?.finish_reason).toBe("tool_calls");
    expect(calledCities(message?.tool_calls)).toEqual(cities);

    if (message === undefined) throw new Error("no message");
    messages.push(message, ...toolResults(message.tool_calls));
    const second = await client.chat.completions.create({ model, messages, tools: [weatherTool] });
    expect(second.choices[0]?.message.content).toBe(weatherAnswer);
  });

  test("puts streamed tool calls together from their pieces", async () => {
    const stream = client.chat.completions.stream({
      model,
      messages: [{ role: "user", content: weatherQuestion }],
      tools: [weatherTool],
    });
    const finished: string[] = [];
    stream.on("tool_calls.function.arguments.done", ({ index, name, arguments: written }) => {
      finished.push(`${index} ${name} ${written}`);
    });
    const { choices } = await stream.finalChatCompletion();
    expect(choices[0]?.finish_reason).toBe("tool_calls");
    expect(calledCities(choices[0]?.message.tool_calls)).toEqual(cities);
    expect(finished).toEqual(
      cities.map((city, index) => `${index} get_weather ${JSON.stringify({ city })}`),
    );
  });

  test("runs tools by itself with its runTools helper, streaming", async () => {
    const asked: string[] = [];
    const runner = client.chat.completions.runTools({
      model,
      stream: true,
      messages: [{ role: "user", content: weatherQuestion }],
      tools: [
        {
          type: "function",
          function: {
            name: "get_weather",
            description: "The weather in a city",
            parameters: weatherParameters,
            parse: (written: string) => weatherArguments.parse(JSON.parse(written)),
            function: ({ city }: { city: string }) => {
              asked.push(city);
              return "fine";
            },
          },
        },
      ],
    });
    expect(await runner.finalContent()).toBe(weatherAnswer);
    expect(asked).toEqual(cities);
  });

  test("reads a stream to its end with the stream helper", async () => {
    const stream = client.chat.completions.stream({
      ...hello,
      stream_options: { include_usage: true },
    });
    const pieces: string[] = [];
    stream.on("content", (piece) => pieces.push(piece));
    expect(await stream.finalContent()).toBe(greeting);
    expect(pieces.join("")).toBe(greeting);
    expect(await stream.totalUsage()).toMatchObject({ total_tokens: 18 });
  });

  test("parses an answer that follows a JSON schema", async () => {
    both.mock.on(
      { userMessage: "Extract the event", responseFormat: "json_schema" },
      { content: JSON.stringify({ name: "Fête", people: ["Ada", "Émilie"] }) },
    );
    const event = z.object({ name: z.string(), people: z.array(z.string()) });
    const answer = await client.chat.completions.parse({
      model,
      messages: [{ role: "user", content: "Extract the event" }],
      response_format: zodResponseFormat(event, "event"),
    });
    expect(answer.choices[0]?.message.parsed).toEqual({ name: "Fête", people: ["Ada", "Émilie"] });
    expect(both.mock.getLastRequest()?.body?.response_format).toMatchObject({
      type: "json_schema",
      json_schema: { name: "event", strict: true },
    });
  });

  test("gets embeddings, which it asks for as base64 and hands over as numbers", async () => {
    both.mock.onEmbedding("a sentence", { embedding: [0.5, -0.25, 0] });
    const answer = await client.embeddings.create({
      model: "text-embedding-3-small",
      input: ["a sentence", "another"],
    });
    expect(answer.data.map(({ embedding }) => embedding)).toEqual([
      [0.5, -0.25, 0],
      [0.5, -0.25, 0],
    ]);
    expect(answer.data.map(({ index }) => index)).toEqual([0, 1]);
  });

  test("gets moderations, with and without naming a model", async () => {
    both.mock.onModerate("I will hurt", { flagged: true, categories: { violence: true } });
    const flagged = await client.moderations.create({ input: "I will hurt you" });
    expect(flagged.results[0]?.flagged).toBe(true);
    const harmless = await client.moderations.create({
      model: "omni-moderation-latest",
      input: "I will help you",
    });
    expect(harmless.results[0]?.flagged).toBe(false);
  });

  test("gets a whole answer of the Responses API", async () => {
    const answer = await client.responses.create({ model, input: "Say hello" });
    expect(answer.output_text).toBe(greeting);
    expect(answer.status).toBe("completed");
  });

  test("reads a stream of the Responses API, event by event, to its end", async () => {
    const stream = client.responses.stream({ model, input: "Say hello" });
    const types: string[] = [];
    for await (const event of stream) types.push(event.type);
    const { output_text } = await stream.finalResponse();
    expect(output_text).toBe(greeting);
    expect(types[0]).toBe("response.created");
    expect(types.at(-1)).toBe("response.completed");
    expect(types).toContain("response.output_text.delta");
  });

  test("lists models and looks one up", async () => {
    const ids = (await Array.fromAsync(client.models.list())).map(({ id }) => id);
    expect(ids).toContain(model);
    expect(await client.models.retrieve(model)).toMatchObject({ id: model, object: "model" });
  });

  test("finds under _request_id the id that the log has", async () => {
    const answer = await client.chat.completions.create(hello);
    const line = await both.sentinel.waitForLine(
      ({ request_id }) => request_id === answer._request_id,
    );
    expect(line).toMatchObject({ status: 200, model, input_tokens: 11, output_tokens: 7 });
  });

  test("gives the provider neither its key nor anything that names Sentinel's", async () => {
    await client.chat.completions.create(hello);
    const headers = both.mock.getLastRequest()?.headers ?? {};
    expect(JSON.stringify(headers)).not.toContain(both.sentinel.apiKey);
    expect(Object.keys(headers).filter((name) => name.startsWith("x-stainless"))).toEqual([]);
  });
});

const model = "gpt-4o";
const greeting = "Hello! Grüße, 你好, 👋🏽. Here is enough text to fill more than one piece.";
const hello = {
  model,
  messages: [{ role: "user", content: "Say hello" }],
} satisfies OpenAI.ChatCompletionCreateParams;

const weatherArguments = z.object({ city: z.string() });

const weatherTool = {
  type: "function",
  function: { name: "get_weather", parameters: weatherParameters },
} satisfies OpenAI.ChatCompletionTool;

type ToolCalls = readonly OpenAI.ChatCompletionMessageToolCall[] | undefined;

function calledCities(calls: ToolCalls): string[] {
  return (calls ?? []).flatMap((call) =>
    call.type === "function"
      ? weatherArguments.parse(JSON.parse(call.function.arguments)).city
      : [],
  );
}

function toolResults(calls: ToolCalls): OpenAI.ChatCompletionToolMessageParam[] {
  return (calls ?? []).map(({ id }) => ({ role: "tool", tool_call_id: id, content: "fine" }));
}
