import { Command } from "commander";

import type { Settings } from "../config/settings.ts";
import { gatewayClient } from "./gateway-client.ts";
import type { Answer, GatewayClient } from "./gateway-client.ts";
import { table } from "./table.ts";
import type { Column } from "./table.ts";

/** What a command needs of the process around it. */
export interface CliContext {
  readonly settings: () => Settings;
  /** What was asked for. */
  readonly print: (text: string) => void;
  /** A word beside it, for people: on stderr, so that it is not taken for the answer. */
  readonly note: (text: string) => void;
}

export interface JsonOption {
  readonly json?: boolean;
}

/** A command with `--json`, which every one has. */
export function command(name: string, description: string): Command {
  return new Command(name).description(description).option("--json", "print JSON, for machines");
}

/** Lines that stand below a command's help: how it is used. */
export function withExamples(described: Command, ...examples: readonly string[]): Command {
  const [first = ""] = examples;
  const title = examples.length === 1 ? "Example" : "Examples";
  const lines = examples.length === 1 ? [first] : examples;
  return described.addHelpText(
    "after",
    `\n${title}:\n${lines.map((line) => `  $ ${line}`).join("\n")}`,
  );
}

export const connect = (context: CliContext): Promise<GatewayClient> =>
  gatewayClient(context.settings());

/** Rows as a table for a person, or as JSON for a machine. */
export function printRows(
  { print }: CliContext,
  { json = false }: JsonOption,
  columns: readonly Column[],
  rows: readonly Answer[],
): void {
  print(json ? JSON.stringify(rows, null, 2) : table(columns, rows));
}

export function printJson({ print }: CliContext, value: unknown): void {
  print(JSON.stringify(value, null, 2));
}
