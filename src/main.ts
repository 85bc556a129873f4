import { prepareProcess } from "./prepare-process.ts";

/** The gateway's entry. */
prepareProcess();
const { runProcess } = await import("./process.ts");
await runProcess("gateway");
