import { enableCompileCache } from "node:module";
import { join } from "node:path";

/**
 * The entry. What Node makes of the source files is kept for the next start, which takes a third off it; where
 * nothing can be written, nothing is. Not in the system's own place for it, which others may write to as well.
 */
const cacheFolder = join(import.meta.dirname, "../.cache/compile");
enableCompileCache(cacheFolder);
// The threads look for it here: they are told in no other way.
// eslint-disable-next-line no-restricted-properties -- it is Node's own setting, and none of ours
process.env["NODE_COMPILE_CACHE"] ??= cacheFolder;
await import("./process.ts");
