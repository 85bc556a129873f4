import { Command } from "commander";

import type { CliContext } from "../context.ts";
import { calibrateCommand } from "./judge-calibrate.ts";
import { evaluatorCommands } from "./judge-evaluators.ts";

/** `sentinel judge`. */
export function judgeCommand(context: CliContext): Command {
  const judge = new Command("judge")
    .description("who scores answers: how well they agree with people")
    .addCommand(calibrateCommand(context));
  for (const each of evaluatorCommands(context)) judge.addCommand(each);
  return judge;
}
