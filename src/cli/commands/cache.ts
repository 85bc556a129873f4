import { Command } from "commander";

import { command, connect, printJson, withExamples } from "../context.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { queryOf } from "../gateway-client.ts";
import type { Answer } from "../gateway-client.ts";
import { field, grouped, table } from "../table.ts";
import type { Column } from "../table.ts";
import { warmCommand } from "./cache-warm.ts";

interface CacheOptions extends JsonOption {
  readonly tenant: string;
}

interface PurgeOptions extends CacheOptions {
  readonly model?: string;
  readonly requestId?: string;
  readonly tag?: string;
  readonly all?: boolean;
}

/** `sentinel cache`. */
export function cacheCommand(context: CliContext): Command {
  return new Command("cache")
    .description("the answers that are kept: what is known of them, forgetting and preparing them")
    .addCommand(statusCommand(context))
    .addCommand(purgeCommand(context))
    .addCommand(warmCommand(context));
}

function purgeCommand(context: CliContext): Command {
  const purge = command("purge", "forget a tenant's answers, in all gateways within a second")
    .option("--tenant <id>", "whose", "default")
    .option("--model <name>", "those to requests for this model, as it was asked for")
    .option("--request-id <id>", "the one that this request produced")
    .option("--tag <tag>", "those to requests with this tag, as team=a")
    .option("--all", "all of the tenant's")
    .addHelpText("after", "\nOf several options all must apply to an answer.")
    .action(async ({ tenant, model, requestId, tag, all, json }: PurgeOptions) => {
      const body = { tenant, model, request_id: requestId, tag, all };
      const answer = await (await connect(context)).ask("POST", "/admin/v1/cache/purge", body);
      if (json === true) printJson(context, answer);
      else context.print(purgedText(answer));
    });
  return withExamples(
    purge,
    "sentinel cache purge --tenant team-a --model gpt-4o",
    "sentinel cache purge --tag feature=faq",
    "sentinel cache purge --tenant team-a --all",
  );
}

function purgedText({ tenant, purged }: Answer): string {
  const { exact, semantic } = (purged ?? {}) as Readonly<Record<string, unknown>>;
  const answers = `${grouped(String(exact))} ${exact === 1 ? "answer" : "answers"}`;
  const entries =
    semantic === 0
      ? ""
      : `, and ${grouped(String(semantic))} ${semantic === 1 ? "entry" : "entries"} of the semantic tier`;
  return `${answers} of ${String(tenant)} forgotten${entries}.`;
}

function statusCommand(context: CliContext): Command {
  const status = command("status", "what holds for a tenant, and what its semantic tier has learnt")
    .option("--tenant <id>", "whose", "default")
    .action(async ({ tenant, json }: CacheOptions) => {
      const path = `/admin/v1/cache${queryOf({ tenant })}`;
      const answer = await (await connect(context)).ask("GET", path);
      if (json === true) printJson(context, answer);
      else context.print(table(factColumns, factsOf(answer)));
    });
  return withExamples(status, "sentinel cache status --tenant team-a");
}

const factColumns: readonly Column[] = [
  { title: "WHAT", text: field("what") },
  { title: "VALUE", text: field("value") },
];

/** One row a fact; those in objects by their path, as `rules.semantic.mode`. */
function factsOf(answer: Answer): readonly Answer[] {
  const { object: _object, ...facts } = answer;
  return Object.entries(facts).flatMap(([name, value]) => factsIn(name, value));
}

function factsIn(what: string, value: unknown): readonly Answer[] {
  if (value === null) return [{ what, value: what === "semantic" ? "not running" : "none" }];
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) {
    return [{ what, value: value.length === 0 ? "none" : value.join(", ") }];
  }
  if (typeof value !== "object" || Array.isArray(value)) return [{ what, value }];
  return Object.entries(value).flatMap(([name, inner]) => factsIn(`${what}.${name}`, inner));
}
