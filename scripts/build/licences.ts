import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Metafile } from "esbuild";
import { z } from "zod";

const packageSchema = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string().default("not stated"),
});

/** The licence of each package that is in the bundle, which most of them want to go along. */
export async function licencesOf(metafile: Metafile, root: string): Promise<string> {
  const folders = new Set(["node_modules/tiktoken"]);
  for (const path of Object.keys(metafile.inputs)) {
    const [, folder] = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
    if (folder !== undefined) folders.add(folder);
  }
  const texts = await Promise.all(
    [...folders].sort().map((folder) => licenceOf(join(root, folder))),
  );
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

async function licenceOf(folder: string): Promise<string> {
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as unknown;
  const { name, version, license } = packageSchema.parse(manifest);
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice)/i.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  return [`${name} ${version} (${license})\n`, ...texts].join("\n");
}
