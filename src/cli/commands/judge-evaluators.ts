import { readFile } from "node:fs/promises";

import type { Command } from "commander";

import { parseYaml } from "../../config/parse-yaml.ts";
import { command, connect, printJson, printRows, withExamples } from "../context.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { CommandFailed } from "../gateway-client.ts";
import type { Answer } from "../gateway-client.ts";
import { field } from "../table.ts";
import type { Column } from "../table.ts";

/** Those of `sentinel judge` that are about evaluators: what there is, and the operator's own. */
export const evaluatorCommands = (context: CliContext): readonly Command[] => [
  listCommand(context),
  showCommand(context),
  createCommand(context),
  deleteCommand(context),
];

const columns: readonly Column[] = [
  { title: "NAME", text: field("name") },
  { title: "VERSION", text: field("version") },
  { title: "FROM", text: field("source") },
  { title: "JUDGES", text: field("subject") },
  { title: "LABELS", text: labelsText },
  { title: "MODEL", text: field("model") },
  { title: "CALIBRATED", text: calibrationsText },
  { title: "PROBLEM", text: field("problem") },
];

function listCommand(context: CliContext): Command {
  const list = command(
    "list",
    "what can judge answers: built in, of the configuration file, and made here",
  ).action(async (options: JsonOption) => {
    const answer = await (await connect(context)).ask("GET", "/admin/v1/judges");
    printRows(context, options, columns, rowsOf(answer["data"]));
  });
  return withExamples(list, "sentinel judge list");
}

function showCommand(context: CliContext): Command {
  const show = command("show", "one of them, with its rubric, versions and calibrations")
    .argument("<name>", "or name@version")
    .action(async (name: string) => {
      printJson(context, await (await connect(context)).ask("GET", judgePath(name)));
    });
  return withExamples(show, "sentinel judge show relevance");
}

function createCommand(context: CliContext): Command {
  const create = command(
    "create",
    "make one of your own, or a new version of it; the file is YAML or JSON, with the fields of sentinel.yaml and its name",
  )
    .argument("<file>")
    .action(async (file: string, options: JsonOption) => {
      const definition = await readDefinition(file);
      const client = await connect(context);
      printRows(context, options, columns, [
        await client.ask("POST", "/admin/v1/judges", definition),
      ]);
    });
  return withExamples(create, "sentinel judge create politeness.yaml");
}

function deleteCommand(context: CliContext): Command {
  const remove = command(
    "delete",
    "take one of your own away, with all its versions, until it is created again",
  )
    .argument("<name>")
    .action(async (name: string, options: JsonOption) => {
      const answer = await (await connect(context)).ask("DELETE", judgePath(name));
      if (options.json === true) printJson(context, answer);
      else context.print(`The evaluator ${name} is deleted. Its scores and calibrations stay.`);
    });
  return withExamples(remove, "sentinel judge delete politeness");
}

const judgePath = (name: string): string => `/admin/v1/judges/${encodeURIComponent(name)}`;

/** JSON is YAML. */
async function readDefinition(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new CommandFailed(`${file} cannot be read.`, { cause: error });
  }
  const yaml = parseYaml(text);
  if (yaml.kind === "broken") {
    throw new CommandFailed(yaml.problems.map((problem) => `${file}, ${problem}`).join("\n"));
  }
  return yaml.value;
}

/** As `1 2 3 4 5`. */
function labelsText({ labels }: Answer): string {
  return rowsOf(labels).map(field("label")).join(" ");
}

/** As `gpt-4o-mini κ 0.61 (drifting: -0.15)`. */
function calibrationsText({ calibrations }: Answer): string {
  return rowsOf(calibrations)
    .map((calibration) => {
      const { model, kappa, drift, is_drifting: isDrifting } = calibration;
      const { value } = (kappa ?? {}) as Answer;
      const figure = typeof value === "number" ? `κ ${value.toFixed(2)}` : "κ not defined";
      const warning =
        isDrifting === true && typeof drift === "number" ? ` (drifting: ${drift.toFixed(2)})` : "";
      return `${String(model)} ${figure}${warning}`;
    })
    .join(", ");
}

const rowsOf = (value: unknown): readonly Answer[] =>
  Array.isArray(value) ? (value as readonly Answer[]) : [];
