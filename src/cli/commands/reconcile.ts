import { readFile, stat } from "node:fs/promises";

import { Option } from "commander";
import type { Command } from "commander";

import { command, connect, printJson, withExamples } from "../context.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { CommandFailed } from "../gateway-client.ts";
import { day, hundredthsOfPercent } from "../option-values.ts";
import { compare } from "../reconcile/compare.ts";
import { comparisonJson, comparisonTable, percentText } from "../reconcile/comparison-text.ts";
import { ExportFault } from "../reconcile/csv.ts";
import { readExport } from "../reconcile/read-export.ts";
import type { ProviderExport } from "../reconcile/read-export.ts";
import { readLedger } from "../reconcile/read-ledger.ts";
import { byteText, grouped } from "../table.ts";

interface ReconcileOptions extends JsonOption {
  readonly provider: string;
  readonly tenant?: string;
  readonly from?: string;
  readonly to?: string;
  readonly tolerance: number;
  readonly drifting?: boolean;
}

const explanation = `
Understands what OpenAI and Anthropic export: the JSON of their usage APIs (one page, several, or one a
line; group by model) and the CSV of their dashboards; their cost reports too, and any CSV or JSON with
columns such as day, model, requests, input_tokens, output_tokens, cost_usd.

Tokens and cost decide, not requests: providers do not count those that they refuse. Days are UTC. Export
what Sentinel's own keys or project used: whatever else the account did shows as drift. A request that was
answered by another provider after this one failed counts where it was answered.`;

/** `sentinel reconcile`: whether the ledger says what the provider bills. */
export function reconcileCommand(context: CliContext): Command {
  const reconcile = command(
    "reconcile",
    "compare the ledger with a provider's usage export, day by day",
  )
    .argument("<file>", "the export; - for what comes in on stdin")
    .requiredOption("--provider <name>", "as sentinel.yaml names it")
    .option("--tenant <id>", "one tenant's; everybody's if not given")
    .option("--from <day>", "from this day of the export on", day)
    .option("--to <day>", "up to this day, included", day)
    .addOption(
      new Option("--tolerance <percent>", "drift that is let pass")
        .argParser(hundredthsOfPercent)
        .default(100, "1"),
    )
    .option("--drifting", "show only the rows beyond it")
    .addHelpText("after", explanation)
    .action((file: string, options: ReconcileOptions) => reconcileFile(context, file, options));
  return withExamples(
    reconcile,
    "sentinel reconcile completions_usage.csv --provider openai",
    "curl …/usage_report/messages?… | sentinel reconcile - --provider anthropic --tolerance 0.5",
  );
}

async function reconcileFile(
  context: CliContext,
  file: string,
  options: ReconcileOptions,
): Promise<void> {
  const { provider, tenant: tenantId, tolerance } = options;
  const exported = within(await parsed(file), options);
  const [firstDay, lastDay] = [exported.days[0], exported.days.at(-1)];
  if (firstDay === undefined || lastDay === undefined) {
    throw new CommandFailed("The export has nothing between these days.");
  }
  const client = await connect(context);
  const ledger = await readLedger(client, { tenantId, provider, firstDay, lastDay });
  const result = compare({ ledger, provider: exported, tolerance });
  const span = { provider, first_day: firstDay, last_day: lastDay, notes: exported.notes };
  if (options.json === true) {
    printJson(context, { ...span, ...comparisonJson(result, exported.measures) });
  } else {
    for (const note of notesOf(exported, ledger.length, provider, lastDay)) context.note(note);
    const rows =
      options.drifting === true
        ? result.rows.filter(({ verdict }) => verdict !== "ok")
        : result.rows;
    if (result.rows.length > 0) {
      context.print(comparisonTable([...rows, result.totals], exported.measures));
    }
  }
  const limit = percentText(BigInt(tolerance)).replace("+", "");
  const rowCount = grouped(String(result.rows.length));
  if (result.drifting > 0) {
    const inexact = result.inexactRequests;
    const why =
      inexact === 0n
        ? ""
        : ` ${grouped(String(inexact))} of the ledger's requests are estimated or have no price: look there first (sentinel usage --group-by day,served_model,provider).`;
    throw new CommandFailed(
      `${grouped(String(result.drifting))} of ${rowCount} rows drift by more than ${limit}.${why}`,
    );
  }
  if (options.json !== true) context.note(`All ${rowCount} rows agree within ${limit}.`);
}

const fileBytesMax = 256 * 1024 * 1024;

async function parsed(file: string): Promise<ProviderExport> {
  try {
    return readExport(file === "-" ? await readStdin() : await readText(file));
  } catch (error) {
    if (error instanceof ExportFault) {
      throw new CommandFailed(`The export ${error.message}.`, { cause: error });
    }
    throw error;
  }
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > fileBytesMax) throw tooLarge();
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof ExportFault) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const why = code === "ENOENT" ? "does not exist" : `cannot be read (${code})`;
    throw new CommandFailed(`${file} ${why}.`, { cause: error });
  }
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > fileBytesMax) throw tooLarge();
  }
  return Buffer.concat(chunks).toString("utf8");
}

const tooLarge = (): ExportFault =>
  new ExportFault(`is larger than ${byteText(fileBytesMax)}: export fewer days at once`);

function within(exported: ProviderExport, { from, to }: ReconcileOptions): ProviderExport {
  const isIn = (at: string): boolean => (from ?? at) <= at && at <= (to ?? at);
  return {
    ...exported,
    rows: exported.rows.filter((row) => isIn(row.day)),
    days: exported.days.filter(isIn),
  };
}

function notesOf(
  exported: ProviderExport,
  ledgerRows: number,
  provider: string,
  lastDay: string,
): readonly string[] {
  const today = new Date().toISOString().slice(0, 10);
  return [
    ...exported.notes,
    ...(ledgerRows === 0
      ? [
          `The ledger has nothing of a provider "${provider}" in this time. Is that how sentinel.yaml names it?`,
        ]
      : []),
    ...(lastDay >= today
      ? ["Today is not over: providers report late, so its figures may drift. --to leaves it out."]
      : []),
  ];
}
