import { Command } from "commander";

import { command, connect, printJson, printRows, withExamples } from "../context.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { askAll, CommandFailed } from "../gateway-client.ts";
import type { Answer } from "../gateway-client.ts";
import { field, moment } from "../table.ts";
import type { Column } from "../table.ts";
import { withJudge, withJudgeOptions } from "./judge-options.ts";
import type { JudgeOptions } from "./judge-options.ts";
import { policyOf, withPolicyOptions } from "./policy-options.ts";
import type { PolicyOptions } from "./policy-options.ts";
import { policyText } from "./policy-text.ts";

const columns: readonly Column[] = [
  { title: "ID", text: field("id") },
  { title: "NAME", text: field("name") },
  { title: "STATUS", text: field("status") },
  { title: "CREATED", text: moment("created_at") },
  { title: "POLICY", text: ({ policy }) => policyText(policy) },
];

type TenantOptions = JsonOption &
  PolicyOptions &
  JudgeOptions & {
    readonly id?: string;
    readonly name?: string;
    readonly status?: string;
    readonly yes?: boolean;
  };

/** `sentinel tenants`. */
export function tenantsCommand(context: CliContext): Command {
  const show = (options: JsonOption, rows: readonly Answer[]): void => {
    printRows(context, options, columns, rows);
  };
  return new Command("tenants")
    .description("the tenants: who pays, with which limits and budgets")
    .addCommand(
      withExamples(
        command("list", "all of them, the newest first").action(async (options: JsonOption) => {
          show(options, await askAll(await connect(context), "/admin/v1/tenants?limit=100"));
        }),
        "sentinel tenants list",
      ),
    )
    .addCommand(
      withExamples(
        command("show", "one of them, with all of its policy")
          .argument("<id>")
          .action(async (id: string) => {
            printJson(context, await (await connect(context)).ask("GET", tenantPath(id)));
          }),
        "sentinel tenants show team-a",
      ),
    )
    .addCommand(
      withExamples(
        withJudgeOptions(withPolicyOptions(command("create", "make one")))
          .argument("<name>")
          .option("--id <id>", "small letters, digits, _ and -; made up if not given")
          .action(async (name: string, options: TenantOptions) => {
            const body = { name, id: options.id, policy: withJudge(policyOf(options), options) };
            show(options, [await (await connect(context)).ask("POST", "/admin/v1/tenants", body)]);
          }),
        "sentinel tenants create 'Team A' --id team-a --budget month:500 day:50:soft",
      ),
    )
    .addCommand(updateCommand(context, show))
    .addCommand(deleteCommand(context));
}

function updateCommand(
  context: CliContext,
  show: (options: JsonOption, rows: readonly Answer[]) => void,
): Command {
  const update = withJudgeOptions(
    withPolicyOptions(command("update", "change one; what no option names stays as it is")),
  )
    .argument("<id>")
    .option("--name <name>")
    .option("--status <status>", "active or suspended: its keys are then refused")
    .action(async (id: string, options: TenantOptions) => {
      const client = await connect(context);
      const current = await client.ask("GET", tenantPath(id));
      const policy = withJudge(policyOf(options, current["policy"]), options, current["policy"]);
      const body = { name: options.name, status: options.status, policy };
      show(options, [await client.ask("PATCH", tenantPath(id), body)]);
    });
  return withExamples(
    update,
    "sentinel tenants update team-a --tpm 200000 --budget none",
    "sentinel tenants update team-a --status suspended",
    "sentinel tenants update team-a --judge relevance,helpfulness --judge-model gpt-4o-mini --judge-budget 1",
  );
}

function deleteCommand(context: CliContext): Command {
  const remove = command("delete", "delete one and its keys, for good; its records stay")
    .argument("<id>")
    .option("--yes", "do it")
    .action(async (id: string, options: TenantOptions) => {
      if (options.yes !== true) {
        throw new CommandFailed(
          `This deletes the tenant ${id} and its keys for good. Add --yes to do it.`,
        );
      }
      const answer = await (await connect(context)).ask("DELETE", tenantPath(id));
      if (options.json === true) printJson(context, answer);
      else context.print(`The tenant ${id} is deleted.`);
    });
  return withExamples(remove, "sentinel tenants delete team-a --yes");
}

const tenantPath = (id: string): string => `/admin/v1/tenants/${encodeURIComponent(id)}`;
