import { parseArgs } from "node:util";

import { soundModel } from "./mock-troubles.ts";
import type { LoadScenario, LoadSize } from "./scenario.ts";

export interface LoadOptions {
  readonly scenarios: readonly LoadScenario[];
  readonly url: string;
  readonly key: string | undefined;
  readonly adminToken: string | undefined;
  readonly model: string;
  readonly size: Partial<LoadSize>;
  readonly reportPath: string | undefined;
  readonly maySpendMoney: boolean;
  readonly startsMock: boolean;
}

/** Text to print instead of running anything. */
export interface LoadHelp {
  readonly help: string;
}

const secondsMax = 86_400;
const connectionsMax = 10_000;
const rateMax = 1_000_000;

/** Reads the command line and what the environment says. Throws, with what is allowed, when it makes no sense. */
export function readLoadOptions(
  list: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  known: readonly LoadScenario[],
): LoadOptions | LoadHelp {
  const { values, positionals } = parseArgs({
    args: [...list],
    allowPositionals: true,
    options: {
      duration: { type: "string" },
      connections: { type: "string" },
      rate: { type: "string" },
      model: { type: "string", default: soundModel },
      url: { type: "string" },
      key: { type: "string" },
      "admin-token": { type: "string" },
      report: { type: "string" },
      "with-mock": { type: "boolean", default: false },
      "yes-spend-money": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help || positionals.length === 0) return { help: helpFor(known) };
  const url = values.url ?? environment["SENTINEL_URL"] ?? "http://127.0.0.1:8000";
  if (!/^https?:\/\//.test(url)) throw new Error(`--url takes an http or https URL, not ${url}`);
  const { report } = values;
  if (report !== undefined && !/\.(?:md|json)$/.test(report)) {
    throw new Error("--report takes a file whose name ends with .md or .json");
  }
  return {
    scenarios: chooseScenarios(positionals, known),
    url: url.replace(/\/+(?:v1\/*)?$/, ""),
    key: values.key ?? environment["SENTINEL_API_KEY"],
    adminToken: values["admin-token"] ?? environment["SENTINEL_ADMIN_TOKEN"],
    model: values.model,
    size: {
      ...given("seconds", "--duration", values.duration, secondsMax),
      ...given("connections", "--connections", values.connections, connectionsMax),
      ...given("ratePerSecond", "--rate", values.rate, rateMax),
    },
    reportPath: report,
    maySpendMoney: values["yes-spend-money"],
    startsMock: values["with-mock"],
  };
}

function chooseScenarios(
  names: readonly string[],
  known: readonly LoadScenario[],
): readonly LoadScenario[] {
  if (names.includes("all")) return known;
  return names.map((name) => {
    const scenario = known.find((each) => each.name === name);
    if (scenario !== undefined) return scenario;
    throw new Error(
      `There is no scenario ${name}: there are ${known.map((each) => each.name).join(", ")}, all`,
    );
  });
}

function given(
  field: keyof LoadSize,
  option: string,
  text: string | undefined,
  most: number,
): Partial<LoadSize> {
  if (text === undefined) return {};
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return { [field]: value };
  throw new Error(`${option} takes a whole number from 1 to ${most}`);
}

function helpFor(known: readonly LoadScenario[]): string {
  const width = Math.max(...known.map(({ name }) => name.length));
  return `npm run load -- <scenario> [options]

${known.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n")}
  ${"all".padEnd(width)}  all of them, in turns

  --with-mock          starts a mock provider and a gateway for it, and stops them again
  --url URL            the gateway; SENTINEL_URL, or http://127.0.0.1:8000
  --key KEY            SENTINEL_API_KEY, or that of data/credentials.json or of npm run load:gateway
  --admin-token TOKEN  SENTINEL_ADMIN_TOKEN, or as above; many-tenants needs it
  --duration SECONDS   --connections N   --rate REQUESTS_A_SECOND   --model NAME (${soundModel})
  --report FILE        .md or .json
  --yes-spend-money    runs against a gateway with real providers too

npm run load:gateway starts a gateway that is ready for all of them. The exit code is 1 if a scenario
does not keep what it expects.`;
}
