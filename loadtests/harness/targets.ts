import { join } from "node:path";

/** A gateway under test: a script that takes the settings of `gateway-environment.ts`. */
export interface Target {
  readonly name: string;
  readonly script: string;
  /** Needs a Redis, which is started for it on the driver's core. */
  readonly usesRedis?: true;
  readonly hasNoCache?: true;
}

/** The target that the others are divided by. */
export const limitName = "hono-request";

const loadtests = join(import.meta.dirname, "..");

/** In the order in which they take turns. */
const sentinel = join(loadtests, "..", "src", "main.ts");

export const targets: readonly Target[] = [
  { name: limitName, script: join(loadtests, "targets", "hono-request.ts") },
  { name: "hono-dispatch", script: join(loadtests, "targets", "hono-dispatch.ts") },
  { name: "sentinel", script: sentinel },
  { name: "sentinel-no-cache", script: sentinel, hasNoCache: true },
  { name: "sentinel-redis", script: sentinel, usesRedis: true },
];
