import { Command } from "commander";

import { command, connect, printJson, printRows, withExamples } from "../context.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { CommandFailed } from "../gateway-client.ts";
import type { Answer } from "../gateway-client.ts";
import { jsonObject, usd } from "../option-values.ts";
import { dollarText, field, moment } from "../table.ts";
import type { Column } from "../table.ts";

const perMillion =
  (name: string) =>
  (row: Answer): string =>
    typeof row[name] === "string" ? dollarText(trimmed(row[name])) : "";

/** What is finer than a nano-dollar per million tokens is nobody's to read. */
const trimmed = (text: string): string => text.replace(/(\.\d{1,9})\d*$/, "$1");

const shownApart: ReadonlySet<string> = new Set([
  "object",
  "provider",
  "model",
  "source",
  "version",
  "problem",
  "created_at",
  "updated_at",
  "input_per_million_usd",
  "cached_input_per_million_usd",
  "output_per_million_usd",
]);

const columns: readonly Column[] = [
  { title: "PROVIDER", text: field("provider") },
  { title: "MODEL", text: field("model") },
  { title: "INPUT/M", text: perMillion("input_per_million_usd"), isNumber: true },
  { title: "CACHED/M", text: perMillion("cached_input_per_million_usd"), isNumber: true },
  { title: "OUTPUT/M", text: perMillion("output_per_million_usd"), isNumber: true },
  { title: "MORE", text: more },
  { title: "FROM", text: field("source") },
  { title: "CHANGED", text: moment("updated_at") },
  { title: "PROBLEM", text: field("problem") },
];

interface PriceOptions extends JsonOption {
  readonly input?: string;
  readonly cachedInput?: string;
  readonly output?: string;
  readonly request?: string;
  readonly price?: Readonly<Record<string, unknown>>;
}

/** `sentinel prices`. */
export function pricesCommand(context: CliContext): Command {
  return new Command("prices")
    .description("your own prices, which go before the list prices of the vendors")
    .addCommand(
      withExamples(
        command("list", "those of the configuration file and those set here").action(
          async (options: JsonOption) => {
            const answer = await (await connect(context)).ask("GET", "/admin/v1/prices");
            const rows = answer["data"] as readonly Answer[];
            if (rows.length > 0 || options.json === true)
              printRows(context, options, columns, rows);
            else context.print("No prices of your own: the vendors' list prices apply.");
          },
        ),
        "sentinel prices list",
      ),
    )
    .addCommand(setCommand(context))
    .addCommand(
      withExamples(
        command("delete", "take one away; the list price applies again")
          .argument("<provider>")
          .argument("<model>")
          .action(async (provider: string, model: string, options: JsonOption) => {
            const path = pricePath(provider, model);
            const answer = await (await connect(context)).ask("DELETE", path);
            if (options.json === true) printJson(context, answer);
            else context.print(`The price of ${provider}/${model} is deleted.`);
          }),
        "sentinel prices delete local llama-3.3-70b",
      ),
    );
}

function setCommand(context: CliContext): Command {
  const set = command(
    "set",
    "set one, in US dollars per million tokens; a * at the model's end matches the rest",
  )
    .argument("<provider>", "its name in Sentinel")
    .argument("<model>")
    .option("--input <usd>", "a million input tokens", usd)
    .option("--cached-input <usd>", "a million of them read from the provider's cache", usd)
    .option("--output <usd>", "a million output tokens", usd)
    .option("--request <usd>", "each request, on top", usd)
    .option(
      "--price <json>",
      "all fields of PUT /admin/v1/prices; the options above go on top",
      jsonObject,
    )
    .action(async (provider: string, model: string, options: PriceOptions) => {
      const price = priceOf(options);
      const path = pricePath(provider, model);
      const made = await (await connect(context)).ask("PUT", path, price);
      printRows(context, options, columns, [made]);
    });
  return withExamples(
    set,
    "sentinel prices set local 'llama-3*' --input 0.20 --output 0.60",
    `sentinel prices set openai gpt-4o --price '{"input_per_million_usd":"2.25","output_per_million_usd":"9"}'`,
  );
}

function priceOf({ input, cachedInput, output, request, price }: PriceOptions): object {
  const body = {
    ...price,
    ...(input === undefined ? {} : { input_per_million_usd: input }),
    ...(cachedInput === undefined ? {} : { cached_input_per_million_usd: cachedInput }),
    ...(output === undefined ? {} : { output_per_million_usd: output }),
    ...(request === undefined ? {} : { request_usd: request }),
  };
  if (Object.keys(body).length > 0) return body;
  throw new CommandFailed("Say what it costs, for example with --input 0.20 --output 0.60.");
}

function pricePath(provider: string, model: string): string {
  const segments = [provider, ...model.split("/")].map(encodeURIComponent);
  return `/admin/v1/prices/${segments.join("/")}`;
}

/** The fields that have no column, as `cache_write_per_million_usd=3.75`. */
function more(row: Answer): string {
  return Object.entries(row)
    .filter(([name, value]) => !shownApart.has(name) && value !== null && value !== undefined)
    .map(
      ([name, value]) =>
        `${name}=${typeof value === "string" ? short(value) : JSON.stringify(value)}`,
    )
    .join(" ");
}

const short = (text: string): string => text.replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
