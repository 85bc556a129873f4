import { isDeepStrictEqual } from "node:util";

import { expect } from "vitest";

import { user } from "../ask.ts";
import type { Cell, Feature, Verdict } from "../cell.ts";
import { essentials, getTime, getWeather, inTokyo } from "../weather-tools.ts";

const turns = [user("How is the weather?")];
const offered = [getWeather, getTime];

export const tools: Feature = {
  name: "tools",
  test: async ({ askFor, stage }) => {
    const call = { name: "get_weather", arguments: inTokyo };
    const bare = await askFor({ toolCalls: [call], finish: "tools" }, { turns, tools: offered });
    expect(bare).toMatchObject({ text: "", finish: "tools", toolCalls: [call] });
    expect(bare.toolCalls[0]?.id).toMatch(/./);
    expect(stage.seen().tools).toMatchObject([
      essentials,
      { name: "get-time_2", description: "The time of day" },
    ]);

    const idle = { name: "get-time_2", arguments: {} };
    const said = { text: "Let me look.", toolCalls: [idle], finish: "tools" as const };
    const withText = await askFor(said, { turns, tools: offered });
    expect(withText).toMatchObject({ text: "Let me look.", finish: "tools", toolCalls: [idle] });

    const none = await askFor({ text: "Fine, I guess." }, { turns, tools: offered });
    expect(none).toMatchObject({ text: "Fine, I guess.", finish: "stop", toolCalls: [] });

    return choosesTools({ askFor, stage });
  },
};

/** The caller says whether a tool is called, and which. */
async function choosesTools({ askFor, stage }: Pick<Cell, "askFor" | "stage">): Promise<Verdict> {
  let verdict: Verdict = "ok";
  for (const toolChoice of ["required", "none", { name: "get-time_2" }] as const) {
    const reply = await askFor({ text: "Well." }, { turns, tools: offered, toolChoice });
    const { toolChoice: seen, tools } = stage.seen();
    const isWithoutTools = toolChoice === "none" && tools.length === 0;
    if (isWithoutTools || isDeepStrictEqual(seen, toolChoice)) continue;
    expect(reply.droppedParams.join(), JSON.stringify(toolChoice)).toContain("tool_choice");
    verdict = "told";
  }
  return verdict;
}
