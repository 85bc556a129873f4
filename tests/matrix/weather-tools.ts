import type { Tool } from "./ask.ts";

/** What schema libraries write: with `$schema`, which some vendors refuse, and nested. */
export const getWeather: Tool = {
  name: "get_weather",
  description: "The weather in a city",
  parameters: {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: {
      city: { type: "string", description: "Its name", minLength: 1 },
      unit: { type: "string", enum: ["C", "F"] },
      days: { type: "array", items: { type: "integer", exclusiveMinimum: 0 } },
    },
    required: ["city"],
    additionalProperties: false,
  },
};

/** A tool without parameters. */
export const getTime: Tool = {
  name: "get-time_2",
  description: "The time of day",
  parameters: { type: "object", properties: {} },
};

/** Of `getWeather`, what every vendor has to be told. */
export const essentials = {
  name: "get_weather",
  description: "The weather in a city",
  parameters: {
    type: "object",
    properties: {
      city: { type: "string", description: "Its name" },
      unit: { type: "string", enum: ["C", "F"] },
      days: { type: "array", items: { type: "integer" } },
    },
    required: ["city"],
  },
};

export const inZurich = { city: "Zürich", unit: "C", days: [1, 2] };
export const inTokyo = { city: '東京 "23" \\ \n' };
