import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { gatewayConfigSchema } from "../src/config/gateway-config.ts";

/** Writes `sentinel.schema.json`, by which editors check `sentinel.yaml`. With `--check` it only compares. */
export function configurationSchema(): string {
  const made = z.toJSONSchema(gatewayConfigSchema, { target: "draft-2020-12", io: "input" });
  const { $schema, ...rest } = made;
  const schema = {
    $schema,
    $id: "urn:sentinel-gateway:sentinel.schema.json",
    title: "sentinel.yaml",
    description:
      'Providers and models of the Sentinel gateway. Text may use ${NAME} from the environment; "$${" stands for "${".',
    ...rest,
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

export const schemaPath = fileURLToPath(new URL("../sentinel.schema.json", import.meta.url));

async function main(): Promise<void> {
  const made = configurationSchema();
  if (!process.argv.includes("--check")) {
    await writeFile(schemaPath, made);
    return;
  }
  const kept = await readFile(schemaPath, "utf8").catch(() => ""); // one that is not there is stale too
  if (kept === made) return;
  console.error("sentinel.schema.json is stale. Run: npm run schemas");
  process.exitCode = 1;
}

if (import.meta.main) await main();
