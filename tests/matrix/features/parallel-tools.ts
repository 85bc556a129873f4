import { expect } from "vitest";

import { user } from "../ask.ts";
import type { Feature } from "../cell.ts";
import { getTime, getWeather, inTokyo, inZurich } from "../weather-tools.ts";

const turns = [user("How is the weather there and there, and how late is it?")];
const tools = [getWeather, getTime];

export const parallelTools: Feature = {
  name: "parallel tools",
  test: async ({ askFor, stage }) => {
    const toolCalls = [
      { name: "get_weather", arguments: inZurich },
      { name: "get_weather", arguments: inTokyo },
      { name: "get-time_2", arguments: {} },
    ];
    const reply = await askFor({ toolCalls, finish: "tools" }, { turns, tools });
    expect(reply).toMatchObject({ finish: "tools", toolCalls });
    expect(new Set(reply.toolCalls.map(({ id }) => id)).size).toBe(3);

    const [first] = toolCalls;
    const one = { toolCalls: first === undefined ? [] : [first], finish: "tools" as const };
    const single = await askFor(one, { turns, tools, oneToolAtATime: true });
    if (stage.seen().oneToolAtATime) return "ok";
    expect(single.droppedParams.join()).toMatch(/parallel/);
    return "told";
  },
};
