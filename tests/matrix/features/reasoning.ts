import { expect } from "vitest";

import { modelSaid, user } from "../ask.ts";
import type { Reply } from "../ask.ts";
import type { Cell, Feature } from "../cell.ts";
import { plainUsage } from "../cell.ts";
import type { SeenPart } from "../vendors/vendor.ts";
import { getWeather, inTokyo, inZurich } from "../weather-tools.ts";

const usage = { ...plainUsage, output: 30, thoughts: 20 };
const signature = "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pk";

/** Thoughts come out apart from the text, and go back, signed, where the vendor wants them. */
export const reasoning: Feature = {
  name: "reasoning",
  test: async (cell) => {
    for (const { model, thinks } of cell.vendor.thinkingModels) {
      await thinkThenSpeak(cell, model, thinks);
      await thinkThenCall(cell, model, thinks);
    }
    return "ok";
  },
};

type Thinks = "with-budget" | "as-it-likes";

async function thinkThenSpeak(cell: Cell, model: string, thinks: Thinks): Promise<void> {
  const { askFor, stage, vendor } = cell;
  const thought = { text: "Fünf plus drei…\nacht.", signature: `${signature}${model}T==` };
  const said = { thought, text: "Eight.", usage };
  const question = user("What is 5 + 3?");
  const reply = await askFor(said, { model, thinks, turns: [question] });
  expect(stage.seen()).toMatchObject({ model, thinks: true });
  expect(reply).toMatchObject({
    text: "Eight.",
    reasoning: vendor.showsThoughts ? thought.text : "",
    finish: "stop",
    usage: { output: 30 },
  });
  const turns = [question, modelSaid(reply), user("Sure?")];
  await askFor({ text: "Yes." }, { model, thinks, turns });
  const spoken = stage.seen().turns[1]?.parts.filter(({ kind }) => kind !== "thought");
  expect(spoken).toEqual([{ kind: "text", text: "Eight." }]);
}

/** Two rounds of calls, the first of two at once, each round with its own thoughts. */
async function thinkThenCall(cell: Cell, model: string, thinks: Thinks): Promise<void> {
  const { askFor, stage, vendor } = cell;
  const first = {
    text: "I have to look it up. 🔎",
    signature: `${signature}${model}C==`,
    redacted:
      "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpPkNRj2YfWXGmKDxH4mPnZ5sQ7",
  };
  const second = { text: "And Ulm?", signature: `${signature}${model}D==` };
  const calls = [inTokyo, inZurich].map((args) => ({ name: "get_weather", arguments: args }));
  const call = { name: "get_weather", arguments: { city: "Ulm" } };
  const tools = [getWeather];
  const question = user("How is the weather in Tokyo, in Zürich, and where it is foggy?");
  const ask = { model, thinks, tools };
  const reply = await askFor(
    { thought: first, toolCalls: calls, finish: "tools", usage },
    { ...ask, turns: [question] },
  );
  const reasoning = (text: string): string => (vendor.showsThoughts ? text : "");
  const called = { text: "", finish: "tools", toolCalls: calls };
  expect(reply).toMatchObject({ ...called, reasoning: reasoning(first.text) });

  // A vendor that wants its signatures back refuses these without them.
  const results = reply.toolCalls.map(({ id }) => ({ callId: id, text: "24 °C" }));
  const turns = [question, modelSaid(reply), { from: "tools", results } as const];
  const again = await askFor(
    { thought: second, toolCalls: [call], finish: "tools", usage },
    { ...ask, turns },
  );
  expect(again).toMatchObject({ toolCalls: [call], reasoning: reasoning(second.text) });
  const fog = { from: "tools", results: [{ callId: idOf(again), text: "fog" }] } as const;
  const last = await askFor(
    { text: "Warm." },
    { ...ask, turns: [...turns, modelSaid(again), fog] },
  );
  expect(last.text).toBe("Warm.");

  const [, said, , saidAgain] = stage.seen().turns;
  const callsIn = (parts: readonly SeenPart[] = []): SeenPart[] =>
    parts.filter(({ kind }) => kind === "call");
  expect(callsIn(said?.parts)).toEqual(calls.map((made) => ({ kind: "call", ...made })));
  expect(callsIn(saidAgain?.parts)).toEqual([{ kind: "call", ...call }]);
  if (vendor.name === "anthropic") {
    const { text, redacted } = first;
    expect(said?.parts[0]).toEqual({ kind: "thought", text, signature: first.signature });
    expect(said?.parts[1]).toEqual({ kind: "thought", text: "", signature: redacted });
    expect(saidAgain?.parts[0]).toEqual({ kind: "thought", ...second });
  }
}

const idOf = (reply: Reply): string => reply.toolCalls[0]?.id ?? "";
