import { existsSync } from "node:fs";
import { resolve } from "node:path";

import type { Command } from "commander";

import type { Settings } from "../../config/settings.ts";
import { command, printJson, withExamples } from "../context.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { CommandFailed } from "../gateway-client.ts";
import { grouped } from "../table.ts";

const backupHelp = `
The gateway may run meanwhile. What is copied: tenants, keys, stored providers and prices, budgets and usage,
the audit files, and audit.key, so keep the copy as safe as the original. What is not: sentinel.yaml,
the environment (SENTINEL_MASTER_KEY, without which stored providers cannot be opened), credentials.json.
With Redis, what lives there is exported to redis.jsonl beside this replica's audit files; each further
replica has audit files of its own.`;

/** `sentinel backup`. */
export function backupCommand(context: CliContext): Command {
  const backup = command("backup", "copy everything that a restore needs into a new folder")
    .argument("<folder>", "a new one, or one that is empty")
    .addHelpText("after", backupHelp)
    .action(async (folder: string, options: JsonOption) => {
      const { backUp } = await import("../../wiring-cli.ts");
      const settings = context.settings();
      if (settings.store === "sqlite" && !existsSync(settings.dataDir)) {
        throw new CommandFailed(
          `There is no data directory ${settings.dataDir}. Set SENTINEL_DATA_DIR or --data-dir to the gateway's.`,
        );
      }
      const { files, redisKeys } = await backUp(settings, folder);
      if (options.json === true) {
        printJson(context, { folder: resolve(folder), files, redis_keys: redisKeys ?? null });
        return;
      }
      const keys =
        redisKeys === undefined ? "" : `, with ${grouped(String(redisKeys))} keys of Redis`;
      context.print(`${files.length} files written to ${resolve(folder)}${keys}:`);
      for (const file of files) context.print(`  ${file}`);
      context.print(`\n${howToRestore(settings, resolve(folder))}`);
    });
  return withExamples(backup, 'sentinel backup "backups/$(date +%F)"');
}

function howToRestore({ dataDir, store }: Settings, folder: string): string {
  if (store === "redis") {
    return [
      "To restore Redis, into an empty one, with all gateways stopped:",
      `  sentinel restore ${folder}`,
      `Leave ${dataDir}/journal as it is: at their next start the gateways add what it has and the backup has not.`,
    ].join("\n");
  }
  return [
    "To restore: stop Sentinel, then",
    `  mkdir ${dataDir}/before && mv ${dataDir}/*.db* ${dataDir}/audit ${dataDir}/before/`,
    `  cp -a ${folder}/. ${dataDir}/`,
    `and start it. Leave ${dataDir}/journal as it is: the start adds what it has and the backup has not.`,
  ].join("\n");
}

/** `sentinel restore`: Redis alone. Files are put back as the backup says, while Sentinel is stopped. */
export function restoreCommand(context: CliContext): Command {
  const restore = command("restore", "put a backup of Redis into an empty Redis")
    .argument("<folder>", "what `sentinel backup` wrote, or its redis.jsonl")
    .addHelpText(
      "after",
      "\nStop all gateways first. A Redis that has anything of Sentinel's is refused. With the embedded store there\nis nothing to import: `sentinel backup` says which files to put back.",
    )
    .action(async (folder: string, options: JsonOption) => {
      const settings = context.settings();
      if (settings.store !== "redis") {
        throw new CommandFailed(
          `There is no Redis to restore: the store is ${settings.store}. Stop Sentinel, put the backup's files into ${settings.dataDir} in place of what is there (journal/ stays), and start it.`,
        );
      }
      const { restoreRedis } = await import("../../wiring-cli.ts");
      const { keys } = await restoreRedis(settings, folder);
      if (options.json === true) printJson(context, { keys });
      else context.print(`${grouped(String(keys))} keys are in Redis. Start the gateways.`);
    });
  return withExamples(restore, "sentinel restore backups/2026-11-21");
}
