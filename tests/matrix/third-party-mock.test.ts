import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startGateway } from "../support/gateway.ts";
import type { TestGateway } from "../support/gateway.ts";
import { startMock } from "../support/llm-mock.ts";
import type { RunningMock } from "../support/llm-mock.ts";
import { impatient, yamlOf } from "../support/one-upstream.ts";
import { answerWeather, cities, weatherAnswer, weatherQuestion } from "../support/weather-mock.ts";
import { modelSaid, user } from "./ask.ts";
import type { Client, Mode } from "./ask.ts";
import { anthropicClient } from "./clients/anthropic.ts";
import { openAiClient } from "./clients/openai.ts";
import { failureOf, statusOf } from "./sdk-failures.ts";
import { getWeather } from "./weather-tools.ts";
import { vendors } from "./vendors/all.ts";
import type { Vendor } from "./vendors/vendor.ts";

/**
 * Those cells of the matrix that a mock covers which nobody here wrote: text, system, multi-turn, tools,
 * parallel tools, tool results, reasoning, usage, refused requests.
 */
const greeting = "Grüezi, 世界! 👋🏽 How can I help you today?";
const thought = "They greet me, so I greet them. 🤔";

let running: RunningMock;
let gateway: TestGateway;

beforeAll(async () => {
  running = await startMock((mock) => {
    answerWeather(mock);
    mock.on({ userMessage: "broken" }, { error: { message: "It is broken." }, status: 400 });
    mock.on({ userMessage: "think", model: /./ }, { content: greeting, reasoning: thought });
    mock.on({ userMessage: "again", systemMessage: "kind" }, { content: "As I said." });
    mock.on({ userMessage: "hello" }, { content: greeting });
  });
  const providers = Object.fromEntries(
    vendors.map((vendor) => [
      vendor.name,
      {
        type: vendor.name,
        base_url: running.mock.url + vendor.basePath,
        api_keys: ["sk-mock"],
        models: [vendor.usualModel],
      },
    ]),
  );
  gateway = await startGateway({
    yaml: yamlOf({ providers, defaults: { retries: 0 } }),
    env: impatient,
  });
});

afterAll(async () => {
  await gateway.close();
  await running[Symbol.asyncDispose]();
});

function clientOf(vendor: Vendor, name: Client["name"]): Client {
  const { key: apiKey, url } = gateway;
  const options = { apiKey, modelPrefix: `${vendor.name}/`, usualModel: vendor.usualModel };
  return name === "openai"
    ? openAiClient({ ...options, baseUrl: `${url}/v1` })
    : anthropicClient({ ...options, baseUrl: url });
}

describe.each(vendors)("$name, played by somebody else", (vendor) => {
  describe.each(["openai", "anthropic"] as const)("%s client", (name) => {
    describe.each<Mode>(["whole", "streamed"])("%s", (mode) => {
      test("says what the model says, and what it cost", async () => {
        const client = clientOf(vendor, name);
        const reply = await client.ask({ turns: [user("hello")] }, mode);
        expect(reply).toMatchObject({ text: greeting, finish: "stop", toolCalls: [] });
        // Mistral sends a stream's usage without being asked for it; this mock does not.
        if (vendor.name !== "mistral") {
          const counted = expect.any(Number) as unknown;
          expect(reply.usage).toMatchObject({ input: counted, output: counted });
        }
        const turns = [user("hello"), modelSaid(reply), user("and again")];
        const second = await client.ask({ system: "Be kind.", turns }, mode);
        expect(second.text).toBe("As I said.");
      });

      test("calls two tools at once, and hears their results", async () => {
        const client = clientOf(vendor, name);
        const tools = [getWeather];
        const question = user(weatherQuestion);
        const reply = await client.ask({ turns: [question], tools }, mode);
        const calls = cities.map((city) => ({ name: "get_weather", arguments: { city } }));
        expect(reply).toMatchObject({ finish: "tools", toolCalls: calls });
        expect(new Set(reply.toolCalls.map(({ id }) => id)).size).toBe(2);
        const results = reply.toolCalls.map(({ id }) => ({ callId: id, text: "fair" }));
        const turns = [question, modelSaid(reply), { from: "tools", results } as const];
        const last = await client.ask({ turns, tools }, mode);
        expect(last).toMatchObject({ text: weatherAnswer, finish: "stop" });
      });

      // The mock's own chunks of thoughts come before any chunk that names the role, as OpenAI's never do.
      const isItsOwn = vendor.name !== "anthropic" && vendor.name !== "google";
      const isAmiss = isItsOwn && name === "openai" && mode === "streamed";
      if (!isAmiss) {
        test("thinks apart from what it says", async () => {
          const client = clientOf(vendor, name);
          const [model] = vendor.thinkingModels;
          const ask = { ...model, turns: [user("think before you say hello")] };
          const reply = await client.ask(ask, mode);
          expect(reply).toMatchObject({ text: greeting, reasoning: thought });
        });
      }

      test("refuses in its own words", async () => {
        const client = clientOf(vendor, name);
        const failure = await failureOf(client.ask({ turns: [user("broken")] }, mode));
        expect(statusOf(failure)).toBe(400);
        expect(String(failure)).toContain("It is broken.");
      });
    });
  });
});
