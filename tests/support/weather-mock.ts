import type { LLMock } from "@copilotkit/aimock";

/**
 * A conversation that every client's tests have: asked for the weather, the mock calls `get_weather` for two
 * cities at once, and once it has the results it says what they are.
 */
export function answerWeather(mock: LLMock): void {
  mock.on({ userMessage: "weather", hasToolResult: true }, { content: weatherAnswer });
  mock.on(
    { userMessage: "weather", hasToolResult: false },
    {
      toolCalls: cities.map((city) => ({
        id: `call_${city}`,
        name: "get_weather",
        arguments: JSON.stringify({ city }),
      })),
    },
  );
}

/** Letters of several bytes, so that a stream cut in the wrong place shows. */
export const cities = ["Zürich", "東京"] as const;
export const weatherQuestion = "How is the weather in Zürich and 東京?";
export const weatherAnswer = "18 °C in Zürich, 24 °C in 東京. ☀️";

export const weatherParameters = {
  type: "object" as const,
  properties: { city: { type: "string", description: "The name of a city" } },
  required: ["city"],
  additionalProperties: false,
};
