import { copyFile, mkdir, readFile, rm } from "node:fs/promises";

import { runStep } from "./run-step.ts";

/**
 * OpenAI's and Anthropic's Python clients in `.cache/python`, for the tests that need them, and curl, for the
 * one that tries what the first start prints. What is missing is installed, through Debian's packages where
 * this is Debian and we may. Whatever cannot be had is said; then the tests that need it are skipped.
 */
export async function installPythonClient(): Promise<void> {
  await installDebianPackages();
  if (await isUpToDate()) return;
  if (!(await succeeds("python3", ["-c", "import ensurepip, venv"]))) {
    skipped("there is no python3 with its venv module");
    return;
  }
  console.log(`Installing the Python clients into ${folder}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const isInstalled =
    (await succeeds("python3", ["-m", "venv", folder])) &&
    (await succeeds(`${folder}/bin/python`, [...pipInstall, requirements]));
  if (isInstalled) await copyFile(requirements, installedRequirements);
  else {
    await rm(folder, { recursive: true, force: true });
    skipped("pip could not install it (above)");
  }
}

const folder = ".cache/python";
const requirements = "tests/e2e/requirements.txt";
/** A copy of what was installed; only there if all of it was. */
const installedRequirements = `${folder}/requirements.txt`;
const pipInstall = "-m pip install --quiet --disable-pip-version-check --requirement".split(" ");

async function isUpToDate(): Promise<boolean> {
  try {
    const [wanted, installed] = await Promise.all([
      readFile(requirements, "utf8"),
      readFile(installedRequirements, "utf8"),
    ]);
    return wanted === installed;
  } catch {
    return false; // Nothing is installed yet.
  }
}

async function installDebianPackages(): Promise<void> {
  const wanted = [
    { names: ["python3", "python3-venv"], probe: ["python3", "-c", "import ensurepip, venv"] },
    { names: ["curl"], probe: ["curl", "--version"] },
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
async function succeeds(command: string, rest: readonly string[]): Promise<boolean> {
  const step = { name: command, command, arguments: rest };
  const { isOk, output } = await runStep(step, { output: "keep", minutesMax: 10 });
  const isProbe = rest.includes("--version") || rest.includes("-c");
  if (!isOk && !isProbe) console.warn(output.trimEnd());
  return isOk;
}

function skipped(why: string): void {
  console.warn(`\n!! SKIPPED: the tests with Python clients, since ${why}.\n`);
}
