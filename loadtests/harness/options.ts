import { parseArgs } from "node:util";
import { openLoop } from "../open-loop.ts";
import { pacedStreams } from "../paced-streams.ts";
import { cachedAnswers, wholeAnswers } from "../whole-answers.ts";
import type { Scenario } from "./scenario.ts";
import { targets, type Target } from "./targets.ts";

export interface Options {
  readonly scenarios: readonly Scenario[];
  readonly targets: readonly Target[];
  readonly roundCount: number;
  readonly seconds: number;
}

const roundsMax = 50;
const secondsMax = 60;

/** Reads the command line. Throws, with what is allowed, when it makes no sense. */
export function readOptions(list: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...list],
    options: {
      whole: { type: "boolean", default: false },
      cached: { type: "boolean", default: false },
      streams: { type: "boolean", default: false },
      "open-loop": { type: "boolean", default: false },
      rounds: { type: "string", default: "3" },
      seconds: { type: "string", default: "3" },
      only: { type: "string", multiple: true, default: [] },
    },
  });
  const chosen = [
    ...(values.whole ? [wholeAnswers] : []),
    ...(values.cached ? [cachedAnswers] : []),
    ...(values.streams ? [pacedStreams] : []),
    ...(values["open-loop"] ? [openLoop] : []),
  ];
  return {
    scenarios: chosen.length > 0 ? chosen : [wholeAnswers, cachedAnswers, pacedStreams, openLoop],
    targets: chooseTargets(values.only),
    roundCount: wholeNumber("--rounds", values.rounds, roundsMax),
    seconds: wholeNumber("--seconds", values.seconds, secondsMax),
  };
}

function chooseTargets(names: readonly string[]): readonly Target[] {
  if (names.length === 0) return targets;
  return names.map((name) => {
    const target = targets.find((candidate) => candidate.name === name);
    if (target !== undefined) return target;
    throw new Error(`--only ${name}: there are ${targets.map((each) => each.name).join(", ")}`);
  });
}

function wholeNumber(option: string, text: string, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new Error(`${option} takes a whole number from 1 to ${most}`);
}
