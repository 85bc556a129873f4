import { driverCore } from "./pinning.ts";
import type { ProcessPlan } from "./start-process.ts";

/** How a mock of a provider is started: it gets `--port`, has models, and shares the drivers' core. */
export const mockPlan = (
  plan: Pick<ProcessPlan, "name" | "script" | "port" | "folder">,
): ProcessPlan => ({
  ...plan,
  scriptArguments: ["--port", String(plan.port)],
  environment: { PATH: process.env["PATH"] },
  readyPath: "/v1/models",
  core: driverCore,
});
