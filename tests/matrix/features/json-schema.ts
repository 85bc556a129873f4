import { expect } from "vitest";

import { user } from "../ask.ts";
import type { Feature } from "../cell.ts";

const schema = {
  type: "object",
  properties: {
    city: { type: "string", description: "Its name" },
    celsius: { type: "number" },
    sky: { type: "array", items: { type: "string", enum: ["sun", "rain"] } },
    wind: {
      type: "object",
      properties: { from: { type: "string" } },
      required: ["from"],
      additionalProperties: false,
    },
  },
  required: ["city", "celsius", "sky", "wind"],
  additionalProperties: false,
} as const;

const answer = { city: "Zürich", celsius: 18.5, sky: ["sun"], wind: { from: "NW" } };

export const jsonSchema: Feature = {
  name: "JSON schema",
  test: async ({ askFor, stage }) => {
    const reply = await askFor(
      { text: JSON.stringify(answer) },
      { turns: [user("How is the weather?")], schema },
    );
    expect(reply.finish).toBe("stop");
    expect(reply.toolCalls).toEqual([]);
    expect(JSON.parse(reply.text)).toEqual(answer);
    const { properties, required } = schema;
    const { wind, ...flat } = properties;
    expect(stage.seen().schema).toMatchObject({
      type: "object",
      properties: { ...flat, wind: { type: "object", required: wind.required } },
      required,
    });
    return "ok";
  },
};
