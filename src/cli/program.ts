import { Command } from "commander";

import { setVariables } from "../config/load.ts";
import { version } from "../version.ts";
import { auditCommand } from "./commands/audit.ts";
import { backupCommand, restoreCommand } from "./commands/backup.ts";
import { cacheCommand } from "./commands/cache.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { jobsCommand } from "./commands/jobs.ts";
import { judgeCommand } from "./commands/judge.ts";
import { keysCommand } from "./commands/keys.ts";
import { pricesCommand } from "./commands/prices.ts";
import { reconcileCommand } from "./commands/reconcile.ts";
import { startCommand } from "./commands/start.ts";
import { tenantsCommand } from "./commands/tenants.ts";
import { usageCommand } from "./commands/usage.ts";
import { workerCommand } from "./commands/worker.ts";
import type { CliContext } from "./context.ts";

const about = `Sentinel, the LLM gateway.

\`start\` runs one, and \`worker\` does its jobs elsewhere. The other commands speak to the one that runs, which they find by SENTINEL_URL or in the data directory, with SENTINEL_ADMIN_TOKEN or the token of the data directory. Settings come from the environment and from .env; .env.example lists them.`;

const closing = `
Examples:
  $ sentinel doctor
  $ sentinel keys create ci --tenant team-a --rpm 60 --budget month:50
  $ sentinel usage --group-by model --from 2026-11-01
  $ sentinel audit verify

\`sentinel <command> --help\` tells more. Exit codes: 0 done; 1 it could not be done, or something is
wrong; 2 it was not understood.`;

/** The whole command line. Parsing throws commander's own error where it was not understood, instead of exiting. */
export function sentinelProgram(context: CliContext): Command {
  const program = new Command("sentinel")
    .description(about)
    .version(version, "-V, --version", "print the version")
    .option("--data-dir <folder>", "in place of SENTINEL_DATA_DIR")
    .option("--url <url>", "in place of SENTINEL_URL")
    .hook("preAction", (self) => {
      const { dataDir, url } = self.opts<GlobalOptions>();
      setVariables({
        ...(dataDir === undefined ? {} : { SENTINEL_DATA_DIR: dataDir }),
        ...(url === undefined ? {} : { SENTINEL_URL: url }),
      });
    })
    .addHelpText("after", closing);
  const commands = [
    startCommand(),
    workerCommand(),
    doctorCommand(context),
    tenantsCommand(context),
    keysCommand(context),
    pricesCommand(context),
    cacheCommand(context),
    judgeCommand(context),
    usageCommand(context),
    auditCommand(context),
    jobsCommand(context),
    reconcileCommand(context),
    backupCommand(context),
    restoreCommand(context),
  ];
  for (const each of commands) program.addCommand(each);
  everyCommand(program, (each) => {
    each
      .exitOverride()
      .configureHelp({ showGlobalOptions: true, sortOptions: false })
      .showHelpAfterError("(--help says how it is used)");
    if (each.commands.length > 0) each.helpCommand(false);
  });
  return program;
}

interface GlobalOptions {
  readonly dataDir?: string;
  readonly url?: string;
}

/** Added commands inherit nothing of their parent's settings. */
function everyCommand(command: Command, change: (each: Command) => void): void {
  change(command);
  for (const child of command.commands) everyCommand(child, change);
}
