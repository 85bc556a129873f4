import type { LLMock } from "@copilotkit/aimock";
import OpenAI from "openai";
import { expect, test } from "vitest";

import { startMock } from "../support/llm-mock.ts";
import { impatient, yamlOf } from "../support/one-upstream.ts";
import { shareGateway } from "../support/shared-gateway.ts";
import { rejection } from "../support/openai-error.ts";
import {
  answerWeather,
  cities,
  weatherAnswer,
  weatherParameters,
  weatherQuestion,
} from "../support/weather-mock.ts";

const lendGateway = shareGateway(impatient);

const model = "gemini-2.5-flash";
const embeddingModel = "gemini-embedding-001";

/** OpenAI's SDK in front of Gemini as a third party plays it. */
async function startClient(
  prepare: (mock: LLMock) => void,
): Promise<AsyncDisposable & { client: OpenAI }> {
  await using opening = new AsyncDisposableStack();
  const mock = opening.use(await startMock(prepare));
  const base_url = mock.baseUrl.replace(/\/v1$/, "/v1beta");
  const google = {
    type: "google",
    base_url,
    api_keys: ["AIza-key-of-the-mock"],
    models: [model, embeddingModel],
  };
  const gateway = opening.use(await lendGateway(yamlOf({ providers: { google } })));
  const resources = opening.move();
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  return { client, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

const tools = [
  { type: "function" as const, function: { name: "get_weather", parameters: weatherParameters } },
];

const ask = (
  client: OpenAI,
  isStream: boolean,
  messages: OpenAI.ChatCompletionMessageParam[],
): Promise<OpenAI.ChatCompletion> =>
  isStream
    ? client.chat.completions.stream({ model, messages, tools }).finalChatCompletion()
    : client.chat.completions.create({ model, messages, tools });

test.each([false, true])(
  "a conversation with parallel tool calls (streamed: %j)",
  async (isStream) => {
    await using plane = await startClient(answerWeather);
    const question = { role: "user" as const, content: weatherQuestion };
    const [first] = (await ask(plane.client, isStream, [question])).choices;
    if (first === undefined) throw new Error("no choice");
    expect(first.finish_reason).toBe("tool_calls");
    const calls = first.message.tool_calls ?? [];
    const asked = calls.map((call) =>
      call.type === "function" ? (JSON.parse(call.function.arguments) as unknown) : call,
    );
    expect(asked).toEqual(cities.map((city) => ({ city })));
    const results = calls.map(({ id }) => ({
      role: "tool" as const,
      tool_call_id: id,
      content: "sunny",
    }));
    const second = await ask(plane.client, isStream, [question, first.message, ...results]);
    expect(second.choices[0]).toMatchObject({
      message: { content: weatherAnswer },
      finish_reason: "stop",
    });
  },
);

test.each([false, true])("thoughts come apart from the answer (streamed: %j)", async (isStream) => {
  await using plane = await startClient((mock) => {
    mock.on({ userMessage: "think" }, { content: "42", reasoning: "six times seven" });
  });
  const { choices } = await ask(plane.client, isStream, [{ role: "user", content: "think" }]);
  expect(choices[0]?.message).toMatchObject({
    content: "42",
    reasoning_content: "six times seven",
  });
});

test("embeddings in the SDK's default format", async () => {
  const embedding = [0.25, -0.5, 1];
  await using plane = await startClient((mock) => {
    mock.onEmbedding("hello", { embedding });
  });
  const { data } = await plane.client.embeddings.create({ model: embeddingModel, input: "hello" });
  expect([...(data[0]?.embedding ?? [])]).toEqual(embedding);
});

test("the vendor's error has its status and words", async () => {
  await using plane = await startClient((mock) => {
    mock.on(
      { userMessage: "bad" },
      { error: { message: "no such thing", type: "INVALID_ARGUMENT" }, status: 400 },
    );
  });
  const error = await rejection(ask(plane.client, false, [{ role: "user", content: "bad" }]));
  expect(error).toMatchObject({ status: 400, code: "INVALID_ARGUMENT" });
  expect(error.message).toContain("no such thing");
});
