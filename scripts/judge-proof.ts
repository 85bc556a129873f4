import { parseArgs } from "node:util";

import { judgeProofText } from "../tests/e2e/judge-kills/report.ts";
import { runJudgeProof } from "../tests/e2e/judge-kills/run.ts";

/**
 * `npm run proof:judge -- [--requests 10000] [--kills 5] [--clients 24] [--store sqlite|redis] [--seed N]`: real gateways
 * that judge, killed and started again, and then everything that clients, judge and accounts have, compared. Ends with 1
 * where a score is missing, doubled or made up, or a cap was exceeded.
 */
const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "10000" },
    kills: { type: "string", default: "5" },
    clients: { type: "string", default: "24" },
    store: { type: "string", default: "sqlite" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const store = values.store === "redis" ? "redis" : "sqlite";

console.log(`seed ${values.seed}, ${store}`);
const proof = await runJudgeProof({
  requests: Number(values.requests),
  kills: Number(values.kills),
  clients: Number(values.clients),
  seed: Number(values.seed),
  store,
  onProgress: (line) => {
    console.log(line);
  },
});
console.log(`\n${judgeProofText(proof)}\nseed ${values.seed}`);
process.exitCode = proof.problems.length === 0 ? 0 : 1;
