import { expect } from "vitest";

import { modelSaid, user } from "../ask.ts";
import type { Cell, Feature } from "../cell.ts";
import { getTime, getWeather, inTokyo, inZurich } from "../weather-tools.ts";

const question = user("How is the weather there and there, and how late is it?");
const tools = [getWeather, getTime];
const toolCalls = [
  { name: "get_weather", arguments: inZurich },
  { name: "get_weather", arguments: inTokyo },
  { name: "get-time_2", arguments: {} },
];
const texts = ["18 °C", '{"celsius":24}', "noon"];

export const toolResults: Feature = {
  name: "tool results",
  test: async (cell) => {
    await answersInAnyOrder(cell);
    await takesOverFromOthers(cell);
    return "ok";
  },
};

/** Two rounds of calls, and the results of the first in another order than the calls. */
async function answersInAnyOrder({ askFor, stage }: Cell): Promise<void> {
  const first = await askFor(
    { text: "Looking.", toolCalls, finish: "tools" },
    { turns: [question], tools },
  );
  const results = first.toolCalls
    .map(({ id }, index) => ({ callId: id, text: texts[index] ?? "" }))
    .reverse();
  const turns = [question, modelSaid(first), { from: "tools", results } as const];
  const again = { name: "get_weather", arguments: { city: "Ulm" } };
  const second = await askFor({ toolCalls: [again], finish: "tools" }, { turns, tools });
  expect(second).toMatchObject({ text: "", finish: "tools", toolCalls: [again] });

  const [call] = second.toolCalls;
  const fog = { callId: call?.id ?? "", text: "fog", isError: true };
  const more = { from: "tools", results: [fog], text: "Go on!" } as const;
  const last = await askFor(
    { text: "Mild." },
    { turns: [...turns, modelSaid(second), more], tools },
  );
  expect(last).toMatchObject({ text: "Mild.", finish: "stop" });

  const [asked, called, answered, calledAgain, answeredAgain, ...rest] = stage.seen().turns;
  expect(rest).toEqual([]);
  expect(asked?.role).toBe("user");
  expect(called).toEqual({
    role: "model",
    parts: [
      { kind: "text", text: "Looking." },
      ...toolCalls.map((made) => ({ kind: "call", ...made })),
    ],
  });
  const expected = toolCalls.map(({ name }, index) => {
    return { kind: "result", name, text: texts[index] };
  });
  expect(answered?.role).toBe("user");
  expect(new Set(answered?.parts)).toEqual(new Set(expected));
  expect(calledAgain).toEqual({ role: "model", parts: [{ kind: "call", ...again }] });
  const [result, ...said] = answeredAgain?.parts ?? [];
  expect(result).toMatchObject({ kind: "result", name: "get_weather" });
  expect(JSON.stringify(result)).toContain("fog");
  expect(said).toEqual([{ kind: "text", text: "Go on!" }]);
}

/** A conversation may have begun with another vendor, whose ids are of another kind. */
async function takesOverFromOthers({ askFor, stage, clientName }: Cell): Promise<void> {
  const [made] = toolCalls;
  const calls = made === undefined ? [] : [made, made];
  const reply = await askFor({ toolCalls: calls, finish: "tools" }, { turns: [question], tools });
  const ids = foreignIds[clientName];
  let native = JSON.stringify(reply.native);
  reply.toolCalls.forEach(({ id }, index) => {
    native = native.replaceAll(JSON.stringify(id), JSON.stringify(ids[index]));
  });
  const results = ids.map((callId, index) => ({ callId, text: texts[index] ?? "" }));
  const carried = { ...reply, native: JSON.parse(native) as unknown };
  const turns = [question, modelSaid(carried), { from: "tools", results } as const];
  const last = await askFor({ text: "Mild." }, { turns, tools });
  expect(last.text).toBe("Mild.");
  const answered = stage.seen().turns[2]?.parts;
  const expected = results.map(({ text }) => ({ kind: "result", name: made?.name, text }));
  expect(answered).toEqual(expected);
}

/** As Kimi makes them, and as Anthropic does: its own client has seen no others. */
const foreignIds = {
  openai: ["functions.get_weather:0", "functions.get_weather:1"],
  anthropic: ["toolu_01A09q90qw90lq917835lq9", "toolu_01D7FLrfh4GYq7yT1ULFeyMV"],
} as const;
