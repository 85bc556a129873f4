import { copyFile, mkdir, readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { runStep } from "../run-step.ts";

/**
 * `onnxruntime-node` and `@huggingface/tokenizers` beside the model, in the versions of `runtime/package-lock.json`.
 * They are not among Sentinel's own dependencies because most do without: 290 MB, and an install script that fetches
 * a build for graphics cards. That script is not run; the build for processors is in the package.
 */
export async function installRuntime(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const file of ["package.json", "package-lock.json"]) {
    await copyFile(join(wanted, file), join(folder, file));
  }
  const npm = process.env["npm_execpath"];
  const rest = ["ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"];
  const { isOk, output } = await runStep(
    npm === undefined
      ? { name: "npm", command: "npm", arguments: rest }
      : { name: "npm", command: process.execPath, arguments: [npm, ...rest] },
    { output: "keep", minutesMax: 10 },
  );
  if (!isOk) throw new Error(`npm could not install what runs the model:\n${output.trimEnd()}`);
  await removeOtherPlatforms(join(folder, "node_modules/onnxruntime-node/bin"));
}

const wanted = join(import.meta.dirname, "runtime");

const packageSchema = z.looseObject({ dependencies: z.record(z.string(), z.string()) });
const versionSchema = z.looseObject({ version: z.string() });

export async function isRuntimeInstalled(folder: string): Promise<boolean> {
  const { dependencies } = packageSchema.parse(await readJson(join(wanted, "package.json")));
  for (const [name, version] of Object.entries(dependencies)) {
    try {
      const path = join(folder, "node_modules", name, "package.json");
      if (versionSchema.parse(await readJson(path)).version !== version) return false;
    } catch {
      return false; // It is not there.
    }
  }
  return true;
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, "utf8"));
}

/** `bin/napi-v6/linux/x64` and so on: five sixths of the size are for other machines. */
async function removeOtherPlatforms(bin: string): Promise<void> {
  for (const version of await readdir(bin)) {
    for (const platform of await readdir(join(bin, version))) {
      const path = join(bin, version, platform);
      if (platform !== process.platform) await rm(path, { recursive: true });
      else {
        for (const processor of await readdir(path)) {
          if (processor !== process.arch) await rm(join(path, processor), { recursive: true });
        }
      }
    }
  }
}
