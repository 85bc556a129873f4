import { CommanderError } from "commander";

import { ConfigurationError } from "../config/configuration-error.ts";
import { loadSettings } from "../config/load.ts";
import { CommandFailed } from "./gateway-client.ts";
import { sentinelProgram } from "./program.ts";
import { printable } from "./table.ts";

/** What `sentinel` ends with: it did as asked; it could not, or found something wrong; it was not understood. */
const exitCodes = { done: 0, failed: 1, misused: 2 } as const;

const program = sentinelProgram({
  settings: loadSettings,
  print: (text) => {
    process.stdout.write(`${text}\n`);
  },
  note: (text) => {
    process.stderr.write(`${text}\n`);
  },
});

// `sentinel audit list | head`: whoever reads has enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(exitCodes.done);
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Help and version were asked for; of everything else commander has said what was wrong.
    return error.exitCode === 0 ? exitCodes.done : exitCodes.misused;
  }
  const lines = error instanceof Error ? error.message.split("\n") : [String(error)];
  process.stderr.write(`${lines.map(printable).join("\n")}\n`);
  // What nobody has foreseen is shown with its place, for whoever has to mend it.
  const isForeseen = error instanceof CommandFailed || error instanceof ConfigurationError;
  if (!isForeseen && error instanceof Error && isMistakeOfOurs(error)) {
    process.stderr.write(`${error.stack ?? ""}\n`);
  }
  return exitCodes.failed;
}

/** A function, not a constant: the commands run while this file is still being evaluated. */
function isMistakeOfOurs(error: Error): boolean {
  return (
    error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError
  );
}
