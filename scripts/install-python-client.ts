import { copyFile, mkdir, readFile, rm } from "node:fs/promises";

import { succeeds } from "./install-debian-packages.ts";

/**
 * OpenAI's and Anthropic's Python clients in `.cache/python`, for the tests that need them. Whatever cannot be
 * had is said; then these tests are skipped.
 */
export async function installPythonClient(): Promise<void> {
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

function skipped(why: string): void {
  console.warn(`\n!! SKIPPED: the tests with Python clients, since ${why}.\n`);
}
