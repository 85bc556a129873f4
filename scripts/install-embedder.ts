import { resolve } from "node:path";

import { embedderFolder, installEmbedder } from "./embedder/install.ts";

/** `npm run embedder:install [-- FOLDER]`: a local sentence model for the semantic cache, into `.cache/embedder`. */
const [folder = embedderFolder] = process.argv.slice(2);
try {
  await installEmbedder(resolve(folder));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
