import { enableCompileCache } from "node:module";
import { join } from "node:path";

/**
 * The entry. What Node makes of the source files is kept for the next start, which takes a third off it; where
 * nothing can be written, nothing is. Not in the system's own place for it, which others may write to as well.
 */
enableCompileCache(join(import.meta.dirname, "../.cache/compile"));
await import("./process.ts");
