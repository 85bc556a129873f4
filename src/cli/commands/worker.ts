import { Command } from "commander";

import { withExamples } from "../context.ts";

/** `sentinel worker`: jobs, in this process; whoever calls the gateways does not notice them then. */
export function workerCommand(): Command {
  const worker = new Command("worker")
    .description("run jobs beside the gateways that share one Redis, until SIGTERM or Ctrl-C")
    .addHelpText(
      "after",
      "\nGateways run jobs as well, unless SENTINEL_JOB_CONCURRENCY=0. A worker serves only /health and /metrics.",
    )
    .action(async () => {
      // It runs as it is loaded, and ends the process itself.
      await import("../../worker.ts");
    });
  return withExamples(
    worker,
    "SENTINEL_REDIS_URL=redis://redis:6379 SENTINEL_PORT=8001 sentinel worker",
  );
}
