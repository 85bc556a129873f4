import { Command } from "commander";

import { command, connect, printJson, printRows, withExamples } from "../context.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { askAll, queryOf } from "../gateway-client.ts";
import type { Answer } from "../gateway-client.ts";
import { wholeNumber } from "../option-values.ts";
import { field, moment } from "../table.ts";
import type { Column } from "../table.ts";
import { policyOf, withPolicyOptions } from "./policy-options.ts";
import type { PolicyOptions } from "./policy-options.ts";
import { policyText } from "./policy-text.ts";

const columns: readonly Column[] = [
  { title: "ID", text: field("id") },
  { title: "TENANT", text: field("tenant") },
  { title: "NAME", text: field("name") },
  { title: "ROLE", text: field("role") },
  { title: "STATUS", text: field("status") },
  { title: "KEY", text: field("masked") },
  { title: "EXPIRES", text: moment("expires_at") },
  { title: "LAST USED", text: field("last_used_day") },
  { title: "POLICY", text: ({ policy }) => policyText(policy) },
];

interface KeyOptions extends JsonOption, PolicyOptions {
  readonly tenant?: string;
  readonly name?: string;
  readonly role?: string;
  readonly expires?: string;
  readonly graceSeconds?: number;
}

/** `sentinel keys`. */
export function keysCommand(context: CliContext): Command {
  const show = (options: JsonOption, rows: readonly Answer[]): void => {
    printRows(context, options, columns, rows);
  };
  return new Command("keys")
    .description("the tenants' API keys")
    .addCommand(
      withExamples(
        command("list", "all of them, or a tenant's")
          .option("--tenant <id>", "whose; everybody's if not given")
          .action(async (options: KeyOptions) => {
            const path = `/admin/v1/keys${queryOf({ tenant: options.tenant, limit: 100 })}`;
            show(options, await askAll(await connect(context), path));
          }),
        "sentinel keys list --tenant team-a",
      ),
    )
    .addCommand(createCommand(context))
    .addCommand(updateCommand(context, show))
    .addCommand(
      withExamples(
        command("revoke", "end one at once, for good")
          .argument("<id>")
          .action(async (id: string, options: JsonOption) => {
            show(options, [await (await connect(context)).ask("DELETE", keyPath(id))]);
          }),
        "sentinel keys revoke 8f3b1c2d4e5f6a70",
      ),
    )
    .addCommand(rotateCommand(context));
}

function createCommand(context: CliContext): Command {
  const create = withPolicyOptions(command("create", "make one, and show it this once"))
    .argument("<name>")
    .option("--tenant <id>", "whose it is", "default")
    .option("--role <role>", "inference, viewer or admin", "inference")
    .option("--expires <time>", "as 2027-01-31T00:00:00Z")
    .action(async (name: string, options: KeyOptions) => {
      const { tenant, role, expires } = options;
      const body = { name, tenant, role, policy: policyOf(options), expires_at: expires };
      showNew(context, options, await (await connect(context)).ask("POST", "/admin/v1/keys", body));
    });
  return withExamples(
    create,
    "sentinel keys create ci --tenant team-a --rpm 60 --budget month:50 --models 'gpt-4o*'",
    "export OPENAI_API_KEY=$(sentinel keys create laptop 2>/dev/null)",
  );
}

function updateCommand(
  context: CliContext,
  show: (options: JsonOption, rows: readonly Answer[]) => void,
): Command {
  const update = withPolicyOptions(
    command("update", "change one; what no option names stays as it is"),
  )
    .argument("<id>")
    .option("--name <name>")
    .option("--role <role>", "inference, viewer or admin")
    .option("--expires <time>", "as 2027-01-31T00:00:00Z; never: it does not expire")
    .action(async (id: string, options: KeyOptions) => {
      const { name, role, expires } = options;
      const client = await connect(context);
      const current = await client.ask("GET", keyPath(id));
      const policy = policyOf(options, current["policy"]);
      const body = { name, role, policy, expires_at: expires === "never" ? null : expires };
      show(options, [await client.ask("PATCH", keyPath(id), body)]);
    });
  return withExamples(update, "sentinel keys update 8f3b1c2d4e5f6a70 --rpm 120 --budget month:80");
}

function rotateCommand(context: CliContext): Command {
  const rotate = command("rotate", "make its successor; the old one stays valid for a time")
    .argument("<id>")
    .option("--grace-seconds <seconds>", "how long; a day if not given", wholeNumber)
    .action(async (id: string, options: KeyOptions) => {
      const body = { grace_seconds: options.graceSeconds };
      const path = `${keyPath(id)}/rotate`;
      showNew(context, options, await (await connect(context)).ask("POST", path, body));
    });
  return withExamples(rotate, "sentinel keys rotate 8f3b1c2d4e5f6a70 --grace-seconds 3600");
}

/** The key alone on stdout, so that a script can take it. */
function showNew(context: CliContext, options: JsonOption, made: Answer): void {
  if (options.json === true) {
    printJson(context, made);
    return;
  }
  context.print(String(made["key"]));
  context.note(`Shown this once. Its id is ${String(made["id"])}.`);
}

const keyPath = (id: string): string => `/admin/v1/keys/${encodeURIComponent(id)}`;
