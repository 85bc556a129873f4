import { parseArgs } from "node:util";

import { proofText } from "../tests/e2e/kills/report.ts";
import { runKillProof } from "../tests/e2e/kills/run.ts";

/**
 * `npm run proof:kills -- [--kills 20] [--terms 2] [--store sqlite|redis] [--processes 1|2] [--shared-folder]
 * [--clients 24] [--seed N]`: real gateways under load, killed and started again, and then everything that clients,
 * provider and accounts have, compared to the nano-dollar. Ends with 1 where anything is lost or counted twice.
 */
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "20" },
    terms: { type: "string", default: "2" },
    store: { type: "string", default: "sqlite" },
    processes: { type: "string", default: "1" },
    "shared-folder": { type: "boolean", default: false },
    clients: { type: "string", default: "24" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const store = values.store === "redis" ? "redis" : "sqlite";
const processes = Number(values.processes);
if (processes > 1 && store === "sqlite") throw new Error("Several processes need --store redis.");

console.log(
  `seed ${values.seed}, ${store}, ${processes} process(es)${values["shared-folder"] ? " in one folder" : ""}`,
);
const proof = await runKillProof({
  seed: Number(values.seed),
  kills: Number(values.kills),
  terms: Number(values.terms),
  store,
  processes,
  sharesFolder: values["shared-folder"],
  clients: Number(values.clients),
  loadMs: [150, 1_500],
  provesNothingHeld: true,
  startKillChance: 0.25,
  onProgress: (line) => {
    console.log(line);
  },
});
console.log(`\n${proofText(proof)}\nseed ${values.seed}`);
process.exitCode = proof.problems.length === 0 ? 0 : 1;
