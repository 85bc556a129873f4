import { existsSync } from "node:fs";
import { join } from "node:path";

import { embedderFolder } from "../../scripts/embedder/install.ts";

/** Where `npm run embedder:install` put the model; undefined, and said loudly, where it has not been run. */
export function installedEmbedder(): string | undefined {
  const isThere =
    existsSync(join(embedderFolder, "tokenizer.json")) &&
    existsSync(join(embedderFolder, "node_modules/onnxruntime-node"));
  if (isThere) return embedderFolder;
  const skipped = "!! SKIPPED: the tests with a real embedder, since it is not installed.";
  process.stderr.write(`\n${skipped}\n!! npm run embedder:install gets it.\n\n`);
  return undefined;
}

export function cosine(left: Float32Array, right: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < left.length; index++) sum += (left[index] ?? 0) * (right[index] ?? 0);
  return sum;
}
