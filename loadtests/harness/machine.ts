import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, type } from "node:os";
import packageJson from "../../package.json" with { type: "json" };
import { calibrate } from "./calibrate.ts";
import { canPin, driverCore, targetCore } from "./pinning.ts";

/** Where figures come from: without this they mean nothing to anyone else. */
export function describeMachine(): string {
  const { hono, undici } = packageJson.dependencies;
  const [processor] = cpus();
  const { jsonMicroseconds, randomReadNanoseconds } = calibrate();
  return [
    `commit   ${commit()}`,
    `machine  ${processor?.model ?? "unknown CPU"}, ${cpus().length} cores, ${type()} ${release()}`,
    `runtime  Node ${process.version}, hono ${hono}, @hono/node-server ${packageJson.dependencies["@hono/node-server"]}, undici ${undici}`,
    `cores    ${canPin() ? `target on core ${targetCore}, mock provider and driver on core ${driverCore}` : "not pinned: expect noise"}`,
    `load     ${loadavg()[0]?.toFixed(2) ?? "?"} before the run (much above 0: others are using the machine)`,
    `speed    ${jsonMicroseconds.toFixed(1)} µs for 2 KB of JSON both ways, ${randomReadNanoseconds.toFixed(0)} ns a random read in 8 MB`,
  ].join("\n");
}

function commit(): string {
  const hash = git("rev-parse", "--short", "HEAD");
  if (hash === undefined) return "none yet";
  return git("status", "--porcelain") === "" ? hash : `${hash} with uncommitted changes`;
}

function git(...list: string[]): string | undefined {
  try {
    const stdio: ["ignore", "pipe", "ignore"] = ["ignore", "pipe", "ignore"];
    return execFileSync("git", list, { cwd: import.meta.dirname, encoding: "utf8", stdio }).trim();
  } catch {
    // No git, or no commit yet: the report says so.
    return undefined;
  }
}
