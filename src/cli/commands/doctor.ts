import type { Command } from "commander";

import { command, printJson, withExamples } from "../context.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { findingText } from "../doctor/finding.ts";
import { CommandFailed } from "../gateway-client.ts";

const explanation = `
Looks at the configuration, the data directory and its disk, the stores (SQLite and the journal, or Redis),
the providers and their keys, the clock, the limits of this machine, and the gateway if it runs. It asks each
provider for its list of models, once for each key; it never sends a prompt, and changes nothing. Run it as
the user, on the machine and with the environment of the gateway.`;

/** `sentinel doctor`. */
export function doctorCommand(context: CliContext): Command {
  const doctor = command("doctor", "find out what is wrong, and what to do about it")
    .addHelpText("after", explanation)
    .action(async (options: JsonOption) => {
      const { examine } = await import("../doctor/examine.ts");
      const findings = await examine();
      const failed = findings.filter(({ status }) => status === "fail").length;
      const warned = findings.filter(({ status }) => status === "warn").length;
      if (options.json === true) printJson(context, { failed, warned, findings });
      else for (const finding of findings) context.print(findingText(finding));
      if (failed > 0) {
        throw new CommandFailed(`${failed} of ${findings.length} checks failed.`);
      }
      if (options.json !== true) {
        const warnings = warned === 1 ? "one warning" : `${warned} warnings`;
        context.note(warned === 0 ? "All is well." : `Nothing failed; ${warnings}.`);
      }
    });
  return withExamples(
    doctor,
    "sentinel doctor",
    "sentinel doctor --json | jq '.findings[] | select(.status != \"ok\")'",
  );
}
