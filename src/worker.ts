import { prepareProcess } from "./prepare-process.ts";

/** The entry of a worker: a process that runs jobs and serves nobody. */
prepareProcess();
const { runProcess } = await import("./process.ts");
await runProcess("worker");
