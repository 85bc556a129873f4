import { runStep } from "./run-step.ts";

/**
 * What the tests run for real: Redis, Prometheus, Python's official clients, and curl for what the first start prints.
 * What is missing is installed where this is Debian and we may.
 */
export async function installDebianPackages(): Promise<void> {
  const wanted = [
    { names: ["python3", "python3-venv"], probe: ["python3", "-c", "import ensurepip, venv"] },
    { names: ["curl"], probe: ["curl", "--version"] },
    { names: ["redis-server", "redis-tools"], probe: ["redis-server", "--version"] },
    { names: ["prometheus"], probe: ["promtool", "--version"] },
  ];
  const missing: string[] = [];
  for (const { names, probe } of wanted) {
    const [command = "", ...rest] = probe;
    if (!(await succeeds(command, rest))) missing.push(...names);
  }
  if (missing.length === 0 || process.getuid?.() !== 0) return;
  if (!(await succeeds("apt-get", ["--version"]))) return;
  console.log(`Installing ${missing.join(", ")} with apt-get`);
  process.env["DEBIAN_FRONTEND"] = "noninteractive";
  const install = ["install", "--yes", "--no-install-recommends", ...missing];
  if (!(await succeeds("apt-get", ["update"])) || !(await succeeds("apt-get", install))) {
    console.warn(`apt-get could not install ${missing.join(", ")}.`);
  }
}

/** What it prints is shown if it fails and was found. */
export async function succeeds(command: string, rest: readonly string[]): Promise<boolean> {
  const step = { name: command, command, arguments: rest };
  const { isOk, output } = await runStep(step, { output: "keep", minutesMax: 10 });
  const isProbe = rest.includes("--version") || rest.includes("-c");
  if (!isOk && !isProbe) console.warn(output.trimEnd());
  return isOk;
}
