import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";

import type { Command } from "commander";

import { command, printJson, withExamples } from "../context.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { CommandFailed } from "../gateway-client.ts";
import { grouped, printable } from "../table.ts";

interface ChainOptions extends JsonOption {
  readonly checkpoints?: string;
  readonly output?: string;
}

/** So many problems are shown to a person; the first is what matters. */
const shownMax = 20;

/** `sentinel audit verify`: reads the files itself, so that a gateway which was tampered with has no say. */
export function verifyCommand(context: CliContext): Command {
  const verify = command(
    "verify",
    "read every audit file and name the first record that was changed",
  )
    .option(
      "--checkpoints <file>",
      "exported before, kept elsewhere: shows also what was cut off since",
    )
    .addHelpText("after", verifyHelp)
    .action(async (options: ChainOptions) => {
      const { verifyAudit } = await import("../../wiring-cli.ts");
      const settings = context.settings();
      requireFolder(settings.dataDir);
      const exported = await readExported(options.checkpoints);
      const report = await verifyAudit(settings, exported);
      if (options.json === true) printJson(context, report);
      else context.print(reportText(report));
      const [first] = report.problems;
      if (first === undefined) return;
      const count =
        report.problems.length === 1 ? "One problem" : `${report.problems.length} problems`;
      throw new CommandFailed(`${count}. The first broken record: ${placeOf(first)}`);
    });
  return withExamples(
    verify,
    "sentinel audit verify",
    "sentinel --data-dir /mnt/backup/data audit verify --checkpoints checkpoints.jsonl",
  );
}

const verifyHelp = `
Needs the key: SENTINEL_MASTER_KEY, or audit.key in the data directory. The gateway may run meanwhile.
With Redis each replica has its own files: run it for each data directory.
What was cut off the end of a file shows back to the last checkpoint; those inside the files can be
cut off with it, so export them from time to time (\`sentinel audit checkpoints\`) and keep them elsewhere.`;

/** `sentinel audit checkpoints`. */
export function checkpointsCommand(context: CliContext): Command {
  const checkpoints = command("checkpoints", "export the signed checkpoints, to be kept elsewhere")
    .option("--output <file>", "where to; the terminal if not given")
    .action(async ({ output }: ChainOptions) => {
      const { auditCheckpoints } = await import("../../wiring-cli.ts");
      const { dataDir } = context.settings();
      requireFolder(dataDir);
      const lines = [...auditCheckpoints(dataDir)];
      if (output === undefined) {
        if (lines.length > 0) context.print(lines.join("").trimEnd());
      } else {
        await writeFile(output, lines.join(""), { mode: 0o600 }).catch((error: unknown) => {
          throw unwritable(output, error);
        });
      }
      const where = output === undefined ? "" : ` to ${output}`;
      context.note(`${grouped(String(lines.length))} checkpoints written${where}.`);
    });
  return withExamples(checkpoints, "sentinel audit checkpoints --output checkpoints.jsonl");
}

/** Of a file that a command was told to write. */
export function unwritable(path: string, error: unknown): CommandFailed {
  const why = error instanceof Error ? error.message : String(error);
  return new CommandFailed(`${path} cannot be written: ${why}`, { cause: error });
}

function requireFolder(dataDir: string): void {
  if (existsSync(dataDir)) return;
  throw new CommandFailed(
    `There is no data directory ${dataDir}. Set SENTINEL_DATA_DIR or --data-dir to the gateway's.`,
  );
}

async function readExported(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new CommandFailed(`${path} cannot be read.`, { cause: error });
  }
}

interface Report {
  readonly files: number;
  readonly writers: number;
  readonly records: number;
  readonly emptied: number;
  readonly checkpoints: number;
  readonly problems: readonly Problem[];
}

interface Problem {
  readonly kind: string;
  readonly writer: string | undefined;
  readonly seq: number | undefined;
  readonly id: string | undefined;
  readonly message: string;
}

function reportText({ files, writers, records, emptied, checkpoints, problems }: Report): string {
  if (files === 0 && problems.length === 0) return "There are no audit files yet.";
  const counted = [
    many(records, "record"),
    `by ${many(writers, "writer")} in ${many(files, "file")}`,
    ...(emptied === 0
      ? []
      : [`${grouped(String(emptied))} of them emptied when their time was over`]),
    many(checkpoints, "checkpoint"),
  ].join(", ");
  if (problems.length === 0) return `ok    ${counted}: the chain is whole.`;
  const shown = problems.slice(0, shownMax).map((problem) => `FAIL  ${placeOf(problem)}`);
  const more =
    problems.length > shownMax ? [`      and ${problems.length - shownMax} more (--json)`] : [];
  return [`      ${counted}`, ...shown, ...more].join("\n");
}

function placeOf({ id, writer, seq, kind, message }: Problem): string {
  const where = [
    id === undefined ? undefined : `record ${id}`,
    writer === undefined ? undefined : `writer ${writer}`,
    seq === undefined ? undefined : `number ${seq}`,
  ].filter((part) => part !== undefined);
  return printable(`${where.length === 0 ? "" : `${where.join(", ")}: `}${kind}: ${message}`);
}

const many = (count: number, what: string): string =>
  `${grouped(String(count))} ${what}${count === 1 ? "" : "s"}`;
