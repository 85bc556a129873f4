import { enableCompileCache } from "node:module";
import { join } from "node:path";

const cacheFolder = join(import.meta.dirname, "../.cache/compile");

/**
 * What a process of ours does before it loads anything else. What Node makes of the source files is kept for the next start,
 * which takes a third off it; where nothing can be written, nothing is. Not in the system's own place for it, which others
 * may write to as well.
 */
export function prepareProcess(): void {
  enableCompileCache(cacheFolder);
  // The threads look for it here: they are told in no other way.
  // eslint-disable-next-line no-restricted-properties -- it is Node's own setting, and none of ours
  process.env["NODE_COMPILE_CACHE"] ??= cacheFolder;
  if (process.pid === 1) endIfNobodyElseDoes();
}

/**
 * As process 1 of a container: there the system ignores a signal that nobody listens to, so that a container told to stop
 * while it starts would have to be killed. Once Sentinel listens, it is asked.
 */
function endIfNobodyElseDoes(): void {
  for (const [signal, number] of [["SIGTERM", 15] as const, ["SIGINT", 2] as const]) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + number);
    });
  }
}
