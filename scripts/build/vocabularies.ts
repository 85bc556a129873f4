import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { encodings } from "../../src/lib/tokenizers.ts";

const packageSchema = z.object({ version: z.string() });

/**
 * `tiktoken` is 23 MB, of which its vocabularies are used as data. They lie where Node looks for the package, so that the
 * folder runs by itself, as in the image.
 */
export async function copyVocabularies(root: string, target: string): Promise<void> {
  const source = join(root, "node_modules/tiktoken");
  const folder = join(target, "node_modules/tiktoken");
  await mkdir(join(folder, "encoders"), { recursive: true });
  const { version } = packageSchema.parse(
    JSON.parse(await readFile(join(source, "package.json"), "utf8")),
  );
  const manifest = { name: "tiktoken", version, license: "MIT", description: "Vocabularies only." };
  await writeFile(join(folder, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  const names = encodings.map((encoding) => `encoders/${encoding}_base.json`);
  await Promise.all(names.map((name) => copyFile(join(source, name), join(folder, name))));
}
