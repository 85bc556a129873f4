import { join } from "node:path";
import { parseArgs } from "node:util";

import { defaultGuardsOff, guardNames, type GuardName } from "../src/tenants/cache-policy.ts";
import { shuffled } from "./bench-cache/orders.ts";
import { policiesOf } from "./bench-cache/policies.ts";
import { lineOf, meanLine, measured, notes, type Measured } from "./bench-cache/report.ts";
import { readStream } from "./bench-cache/stream.ts";
import { embedderFolder } from "./embedder/install.ts";

/**
 * Replays a stream of questions through the semantic tier as the gateway ships it, in several random orders: which share
 * is served from the cache, how much of that is right, and what learning it cost. The data says which questions have the
 * same answer; each line of it has the fields `text` and `answer`.
 */
const usage = `npm run bench:cache -- [--data FILE] [--orders 3] [--queries 7000] [--seed 1] [--max-error 0.02,0.03]
  [--judge-error 0.01,0.05]   rows with a judge that errs so often, both ways and one way only
  [--guards-off NAMES]        what the gateway has off unless this says otherwise; "all" or "none"
  [--embedder FOLDER] [--vectors FILE] [--json]`;

const usualData = join(import.meta.dirname, "../../shared/data/semcache/banking77_stream.jsonl");

const { values } = parseArgs({
  options: {
    data: { type: "string", default: usualData },
    orders: { type: "string", default: "3" },
    queries: { type: "string", default: "7000" },
    seed: { type: "string", default: "1" },
    "max-error": { type: "string", default: "0.02,0.03" },
    "judge-error": { type: "string", default: "" },
    "guards-off": { type: "string" },
    embedder: { type: "string", default: embedderFolder },
    vectors: { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (values.help) console.log(usage);
else await run();

async function run(): Promise<void> {
  const { data, embedder: folder, vectors } = values;
  const stream = await readStream(data, { folder, vectors });
  const guardsOff = guardsOffFrom(values["guards-off"]);
  const wanted = {
    guardsOff,
    maxErrors: numbersFrom(values["max-error"]),
    judgeErrors: numbersFrom(values["judge-error"]),
  };
  const seeds = Array.from(
    { length: Number(values.orders) },
    (_, order) => Number(values.seed) + order,
  );
  const results: { name: string; orders: Measured[] }[] = [];
  if (!values.json) console.log(notes(guardsOff));
  for (const { name, replay } of policiesOf(wanted)) {
    if (!values.json) console.log(`\n${name}`);
    const orders: Measured[] = [];
    for (const seed of seeds) {
      const queries = shuffled(stream, seed).slice(0, Number(values.queries));
      const order = measured(seed, replay(queries, seed));
      orders.push(order);
      if (!values.json) console.log(lineOf(order));
    }
    if (!values.json) console.log(meanLine(orders));
    results.push({ name, orders });
  }
  if (values.json) console.log(JSON.stringify({ guardsOff: [...guardsOff], results }, null, 2));
}

function numbersFrom(list: string): readonly number[] {
  const numbers = list.split(",").filter((part) => part.trim() !== "");
  return numbers.map((part) => {
    const number = Number(part);
    if (!(number >= 0 && number < 1)) throw new Error(`${part} is no share from 0 to 1.\n${usage}`);
    return number;
  });
}

function guardsOffFrom(list: string | undefined): ReadonlySet<GuardName> {
  if (list === undefined) return defaultGuardsOff;
  if (list === "all") return new Set(guardNames);
  if (list === "none") return new Set();
  return new Set(
    list.split(",").map((name) => {
      const guard = guardNames.find((known) => known === name.trim());
      if (guard === undefined) throw new Error(`No guard is named ${name}.\n${usage}`);
      return guard;
    }),
  );
}
