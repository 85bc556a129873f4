import { Command } from "commander";

import { withExamples } from "../context.ts";

/** `sentinel start`: the gateway, in this process, as `npm start` runs it. */
export function startCommand(): Command {
  const start = new Command("start")
    .description("run the gateway, until SIGTERM or Ctrl-C")
    .action(async () => {
      // It runs as it is loaded, and ends the process itself.
      await import("../../main.ts");
    });
  return withExamples(
    start,
    "OPENAI_API_KEY=sk-… sentinel start",
    "SENTINEL_PORT=0 sentinel start",
  );
}
