import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

import { Command } from "commander";

import { command, connect, printJson, printRows, withExamples } from "../context.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { askAll, CommandFailed, queryOf } from "../gateway-client.ts";
import type { Answer } from "../gateway-client.ts";
import { positiveNumber, usd, wholeNumber, withTenantAndTime } from "../option-values.ts";
import { dollars, field, grouped } from "../table.ts";
import type { Column } from "../table.ts";
import { checkpointsCommand, unwritable, verifyCommand } from "./audit-chain.ts";
import { explain } from "./explain-record.ts";

type WriteStream = ReturnType<FileHandle["createWriteStream"]>;

interface AuditOptions extends JsonOption {
  readonly tenant: string;
  readonly from?: string;
  readonly to?: string;
  readonly model?: string;
  readonly provider?: string;
  readonly key?: string;
  readonly status?: number;
  readonly outcome?: string;
  readonly cache?: string;
  readonly tag?: string;
  readonly minCostUsd?: string;
  readonly limit?: number;
  readonly output?: string;
}

const columns: readonly Column[] = [
  { title: "STARTED", text: field("started_at") },
  { title: "ID", text: field("id") },
  { title: "KEY", text: field("key") },
  { title: "MODEL", text: field("model") },
  { title: "PROVIDER", text: field("provider") },
  { title: "STATUS", text: field("status"), isNumber: true },
  { title: "OUTCOME", text: outcome },
  { title: "MS", text: field("latency_ms"), isNumber: true },
  { title: "INPUT", text: tokensOf("input_tokens"), isNumber: true },
  { title: "OUTPUT", text: tokensOf("output_tokens"), isNumber: true },
  { title: "COST", text: cost, isNumber: true },
];

/** `sentinel audit`: all but `verify` and `checkpoints`, which read the files, asks the gateway. */
export function auditCommand(context: CliContext): Command {
  return new Command("audit")
    .description("the audit records: list, show, export, and prove that nobody changed them")
    .addCommand(listCommand(context))
    .addCommand(
      withExamples(
        command("show", "one record, and how it came about")
          .argument("<request id>", "what the x-request-id header said")
          .option("--tenant <id>", "whose", "default")
          .action(async (id: string, options: AuditOptions) => {
            const path = `/v1/audit/${encodeURIComponent(id)}${queryOf({ tenant: options.tenant })}`;
            const record = await (await connect(context)).ask("GET", path);
            if (options.json === true) printJson(context, record);
            else context.print(explain(record));
          }),
        "sentinel audit show 01KC2J9M4T0000000000000000 --tenant team-a",
      ),
    )
    .addCommand(exportCommand(context))
    .addCommand(verifyCommand(context))
    .addCommand(checkpointsCommand(context));
}

function listCommand(context: CliContext): Command {
  const list = withFilters(command("list", "the newest first"))
    .option("--limit <count>", "how many", positiveNumber, 20)
    .action(async (options: AuditOptions) => {
      const limit = options.limit ?? 20;
      const path = `/v1/audit${queryOf({ ...filtersOf(options), limit: Math.min(limit, pageRows) })}`;
      const rows = await askAll(await connect(context), path, limit);
      if (rows.length === 0 && options.json !== true) context.print("No records match.");
      else printRows(context, options, columns, rows.slice(0, limit));
    });
  return withExamples(
    list,
    "sentinel audit list --tenant team-a --outcome upstream_error",
    "sentinel audit list --min-cost-usd 1 --from 2026-11-01 --limit 100",
  );
}

function exportCommand(context: CliContext): Command {
  const all = withFilters(
    new Command("export").description("all that match, one JSON record a line"),
  )
    .option("--output <file>", "where to; the terminal if not given")
    .option("--limit <count>", "so many at most", positiveNumber)
    .action(async (options: AuditOptions) => {
      const { output, limit } = options;
      const path = `/v1/audit${queryOf({ ...filtersOf(options), limit })}`;
      const response = await (
        await connect(context)
      ).open(path, {
        accept: "application/x-ndjson",
      });
      if (response.body === null) return;
      const target = output === undefined ? process.stdout : await fileFor(output, response.body);
      try {
        await pipeline(response.body, target, { end: output !== undefined });
      } catch (error) {
        throw brokenOff(error, output);
      }
      if (output !== undefined) context.note(`Written to ${output}.`);
    });
  return withExamples(
    all,
    "sentinel audit export --tenant team-a --from 2026-11-01 --output november.jsonl",
  );
}

/** Opened when there is an answer, so that an earlier export is not replaced by nothing. */
async function fileFor(output: string, answer: ReadableStream): Promise<WriteStream> {
  try {
    return (await open(output, "w", 0o600)).createWriteStream();
  } catch (error) {
    await answer.cancel();
    throw unwritable(output, error);
  }
}

function brokenOff(error: unknown, output: string | undefined): Error {
  const why = error instanceof Error ? error.message : String(error);
  const where = output === undefined ? "" : ` ${output} is incomplete.`;
  return new CommandFailed(`The export broke off: ${why}.${where} Begin it again.`, {
    cause: error,
  });
}

function withFilters(filtered: Command): Command {
  return withTenantAndTime(filtered)
    .option("--model <name>", "as asked for, or as served")
    .option("--provider <name>", "who served")
    .option("--key <id>", "who asked")
    .option("--status <code>", "HTTP's; 499: the client left", wholeNumber)
    .option("--outcome <word>", "ok, interrupted, client_closed_request, upstream_error …")
    .option("--cache <word>", "exact, semantic, miss or bypass")
    .option("--tag <tag>", "as team=a")
    .option("--min-cost-usd <usd>", "what cost so much or more", usd);
}

/** The most that the gateway puts on a page. */
const pageRows = 1_000;

function filtersOf(options: AuditOptions): Record<string, string | number | undefined> {
  const { tenant, from, to, model, provider, key, status, outcome: ended, cache, tag } = options;
  const filters = { tenant, from, to, model, provider, key, status, outcome: ended, cache, tag };
  return { ...filters, min_cost_usd: options.minCostUsd };
}

function tokensOf(name: string): (row: Answer) => string {
  return (row) => {
    const usage = row["usage"] as Answer | null | undefined;
    return usage == null ? "" : grouped(String(usage[name]));
  };
}

/** What the tenant's retention has emptied has its hash alone. */
function outcome(row: Answer): string {
  return row["expired"] === true ? "(expired)" : field("outcome")(row);
}

/** An amount that is no exact one says so: `~$0.0012`, `no price`. */
function cost(row: Answer): string {
  const amount = dollars("cost_usd")(row);
  switch (row["cost_status"]) {
    case "unpriced":
      return row["usage"] == null ? "" : "no price";
    case "estimated":
      return `~${amount}`;
    default:
      return amount;
  }
}
