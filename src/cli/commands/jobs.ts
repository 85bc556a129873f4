import type { Command } from "commander";

import { command, connect, printJson, printRows, withExamples } from "../context.ts";
import type { CliContext, JsonOption } from "../context.ts";
import type { Answer } from "../gateway-client.ts";
import { count, dollars, field, grouped, moment, table } from "../table.ts";
import type { Column } from "../table.ts";

interface JobsOptions extends JsonOption {
  readonly dead?: boolean;
}

const countColumns: readonly Column[] = [
  { title: "KIND", text: field("kind") },
  { title: "WAITING", text: count("waiting"), isNumber: true },
  { title: "NOT DUE", text: count("delayed"), isNumber: true },
  { title: "RUNNING", text: count("running"), isNumber: true },
  { title: "DEAD", text: count("dead"), isNumber: true },
  { title: "OLDEST", text: seconds("oldest_seconds"), isNumber: true },
];

const capColumns: readonly Column[] = [
  { title: "CAP", text: field("id") },
  { title: "SPENT", text: dollars("spent_usd"), isNumber: true },
  { title: "TOKENS", text: count("tokens"), isNumber: true },
];

const deadColumns: readonly Column[] = [
  { title: "ID", text: field("id") },
  { title: "TENANT", text: field("tenant") },
  { title: "REASON", text: field("reason") },
  { title: "ATTEMPTS", text: count("attempts"), isNumber: true },
  { title: "ROUND", text: count("round"), isNumber: true },
  { title: "ENQUEUED", text: moment("enqueued_at") },
  { title: "DIED", text: moment("died_at") },
];

/** `sentinel jobs`. */
export function jobsCommand(context: CliContext): Command {
  const jobs = command("jobs", "what is done beside requests: how much waits, runs or is dead")
    .option("--dead", "those that were given up, the latest first")
    .action(async ({ dead = false, ...options }: JobsOptions) => {
      await (dead ? showDead(context, options) : showCounts(context, options));
    })
    .addCommand(
      withExamples(
        command("retry", "try a dead one again, with all attempts")
          .argument("<id>")
          .action(async (id: string, _options: JsonOption, self: Command) => {
            const path = `/admin/v1/jobs/dead/${encodeURIComponent(id)}/retry`;
            const answer = await (await connect(context)).ask("POST", path);
            if (isJson(self)) printJson(context, answer);
            else context.print(`The job ${id} waits again.`);
          }),
        "sentinel jobs retry judge:01KAJ8N6QXSVQ5W0J3T2R9C4ZB:relevance",
      ),
    )
    .addCommand(
      withExamples(
        command("cancel", "do not do it: one that waits, runs or is dead is forgotten")
          .argument("<id>")
          .action(async (id: string, _options: JsonOption, self: Command) => {
            const path = `/admin/v1/jobs/${encodeURIComponent(id)}`;
            const answer = await (await connect(context)).ask("DELETE", path);
            if (isJson(self)) printJson(context, answer);
            else context.print(`The job ${id} is cancelled.`);
          }),
        "sentinel jobs cancel judge:01KAJ8N6QXSVQ5W0J3T2R9C4ZB:relevance",
      ),
    );
  return withExamples(jobs, "sentinel jobs", "sentinel jobs --dead");
}

/** Its own `--json`, which commander takes for that of `jobs`, wherever it stands. */
const isJson = (self: Command): boolean => self.optsWithGlobals<JsonOption>().json === true;

async function showCounts(context: CliContext, { json }: JsonOption): Promise<void> {
  const answer = await (await connect(context)).ask("GET", "/admin/v1/jobs");
  if (json === true) {
    printJson(context, answer);
    return;
  }
  const { day, data: spent } = answer["caps"] as CapsOfDay;
  const counts = answer["counts"] as readonly Answer[];
  context.print(counts.length === 0 ? "No jobs." : table(countColumns, counts));
  if (spent.length > 0)
    context.print(`\nSpent and reserved on ${day}:\n${table(capColumns, spent)}`);
}

interface CapsOfDay {
  readonly day: string;
  readonly data: readonly Answer[];
}

async function showDead(context: CliContext, options: JsonOption): Promise<void> {
  const answer = await (await connect(context)).ask("GET", "/admin/v1/jobs/dead?limit=100");
  const dead = answer["data"] as readonly Answer[];
  if (dead.length === 0 && options.json !== true) {
    context.print("No job is dead.");
    return;
  }
  printRows(context, options, deadColumns, dead);
  if (answer["has_more"] === true) context.note("There are more; these are the latest 100.");
}

function seconds(name: string): (row: Answer) => string {
  return (row) => {
    const value = row[name];
    return typeof value === "number" ? `${grouped(String(value))} s` : "";
  };
}
