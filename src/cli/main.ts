import { enableCompileCache } from "node:module";
import { join } from "node:path";

/** The command line's entry. What Node makes of the source files is kept, as for `npm start` (`../main.ts`). */
enableCompileCache(join(import.meta.dirname, "../../.cache/compile"));
await import("./run.ts");
