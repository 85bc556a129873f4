import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startGateway } from "../support/gateway.ts";
import type { TestGateway } from "../support/gateway.ts";
import { startMock } from "../support/llm-mock.ts";
import type { RunningMock } from "../support/llm-mock.ts";
import { impatient, yamlOf } from "../support/one-upstream.ts";
import { rejection } from "../support/openai-error.ts";
import {
  answerWeather,
  cities,
  weatherAnswer,
  weatherParameters,
  weatherQuestion,
} from "../support/weather-mock.ts";

const model = "claude-sonnet-4-5";
type Messages = OpenAI.ChatCompletionMessageParam[];
const weatherTools: OpenAI.ChatCompletionTool[] = [
  { type: "function", function: { name: "get_weather", parameters: weatherParameters } },
];

describe("OpenAI's SDK in front of a third party's Anthropic", () => {
  let mock: RunningMock;
  let gateway: TestGateway;
  let client: OpenAI;

  beforeAll(async () => {
    mock = await startMock((llm) => {
      answerWeather(llm);
      llm.on(
        { userMessage: "think", hasToolResult: false },
        {
          reasoning: "Let me think about that.",
          toolCalls: [{ id: "toolu_1", name: "get_weather", arguments: '{"city":"Bern"}' }],
        },
      );
      llm.on({ userMessage: "think", hasToolResult: true }, { content: "I thought." });
      llm.onMessage("Say hello", {
        content: "Grüezi! こんにちは ☀️",
        usage: { input_tokens: 11, output_tokens: 7 },
      });
    });
    gateway = await startGateway({
      yaml: yamlOf({
        providers: {
          claude: {
            type: "anthropic",
            base_url: mock.baseUrl,
            api_keys: ["sk-ant-upstream"],
            models: [model],
          },
        },
      }),
      env: impatient,
    });
    client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  });
  afterAll(async () => {
    await gateway.close();
    await mock[Symbol.asyncDispose]();
  });

  const hello: Messages = [{ role: "user", content: "Say hello" }];

  test("answers whole, with its usage", async () => {
    const answer = await client.chat.completions.create({ model, messages: hello });
    expect(answer.choices[0]).toMatchObject({
      message: { role: "assistant", content: "Grüezi! こんにちは ☀️" },
      finish_reason: "stop",
    });
    expect(answer.usage).toMatchObject({
      prompt_tokens: 11,
      completion_tokens: 7,
      total_tokens: 18,
    });
  });

  test("streams, and the SDK puts the answer together", async () => {
    const stream = client.chat.completions.stream({
      model,
      messages: hello,
      stream_options: { include_usage: true },
    });
    const answer = await stream.finalChatCompletion();
    expect(answer.choices[0]).toMatchObject({
      message: { content: "Grüezi! こんにちは ☀️" },
      finish_reason: "stop",
    });
    expect(answer.usage?.completion_tokens).toBe(7);
  });

  test.each([false, true])(
    "runs parallel tools and goes on with their results, streamed: %s",
    async (streams) => {
      const asked: string[] = [];
      const body = { model, messages: [{ role: "user" as const, content: weatherQuestion }] };
      const tool = {
        type: "function" as const,
        function: {
          name: "get_weather",
          parse: (json: string): { city: string } => JSON.parse(json) as { city: string },
          function: ({ city }: { city: string }): string => {
            asked.push(city);
            return `sunny in ${city}`;
          },
          parameters: weatherParameters,
          description: "The weather of a city",
        },
      };
      const runner = streams
        ? client.chat.completions.runTools({ ...body, tools: [tool], stream: true })
        : client.chat.completions.runTools({ ...body, tools: [tool] });
      expect(await runner.finalContent()).toBe(weatherAnswer);
      expect(asked).toEqual([...cities]);
    },
  );

  test("thinks, and brings its thoughts back with the result of its call", async () => {
    const messages: Messages = [{ role: "user", content: "think hard" }];
    const request = { model, tools: weatherTools, reasoning_effort: "low" as const };
    const first = await client.chat.completions.create({ ...request, messages });
    const said = first.choices[0]?.message;
    expect(said).toMatchObject({
      content: null,
      reasoning_content: "Let me think about that.",
      thinking_blocks: [{ type: "thinking", thinking: "Let me think about that." }],
    });
    if (said === undefined) throw new Error("it said nothing");
    const result: Messages = [{ role: "tool", tool_call_id: "toolu_1", content: "rain" }];
    // The mock answers 400, as Anthropic does, if the thoughts do not stand first, or not signed.
    const second = await client.chat.completions.create({
      ...request,
      messages: [...messages, said, ...result],
    });
    expect(second.choices[0]?.message.content).toBe("I thought.");
    // A client that lost them is answered all the same.
    const { content, tool_calls: calls = [] } = said;
    const bare: Messages = [{ role: "assistant", content, tool_calls: calls }];
    const { data, response } = await client.chat.completions
      .create({ ...request, messages: [...messages, ...bare, ...result] })
      .withResponse();
    expect(data.choices[0]?.message.content).toBe("I thought.");
    expect(response.headers.get("x-sentinel-dropped-params")).toBe("reasoning_effort");
  });

  test("a vendor's refusal is the SDK's own error", async () => {
    const failure = await rejection(
      client.chat.completions.create({
        model,
        messages: [{ role: "user", content: "unheard of" }],
      }),
    );
    expect(failure.status).toBe(404);
    expect(typeof failure.code).toBe("string");
  });
});
