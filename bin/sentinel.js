#!/usr/bin/env node
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/*
 * `sentinel`: runs the command line with the Node that `npm install` put beside it, whichever runs this file; in the image,
 * which has no other, with the one that does. Plain JavaScript, for Nodes as old as they come.
 */
const here = dirname(fileURLToPath(import.meta.url));
// The sources in the repository; what `npm run build` made of them in a published package and in the image.
const sources = join(here, "../src/cli/main.ts");
const entry = existsSync(sources) ? sources : join(here, "../dist/cli/main.js");
// As `npm start` reads it; Node would remark on its absence.
const settings = existsSync(".env") ? ["--env-file=.env"] : [];
const args = [...settings, entry, ...process.argv.slice(2)];
const node = pinnedNode() ?? ownNode();

if (node === undefined) {
  process.stderr.write(
    `The Node that Sentinel needs is missing. Run \`npm install\` in ${dirname(here)}.\n`,
  );
  process.exitCode = 1;
} else {
  become(node);
}

function pinnedNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve("node/package.json"));
    const path = join(folder, "bin", process.platform === "win32" ? "node.exe" : "node");
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined; // It is not installed.
  }
}

/** The Node that runs this file, if it is one that Sentinel runs on. */
function ownNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  return major > 24 || (major === 24 && minor >= 15) ? process.execPath : undefined;
}

/** In this process's place where Node can do that; otherwise as its child. */
function become(node) {
  if (typeof process.execve === "function" && process.platform !== "win32") {
    try {
      process.execve(node, [node, ...args]);
    } catch {
      // Not on this system: as a child, then.
    }
  }
  runAsChild(node);
}

/**
 * In a process group of its own: a Ctrl-C reaches this process alone, which hands it on. As it would come twice
 * otherwise, and a second one means "at once".
 */
function runAsChild(node) {
  const child = spawn(node, args, { stdio: "inherit", detached: process.platform !== "win32" });
  const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"];
  for (const signal of signals.filter((name) => name in constants.signals)) {
    try {
      process.on(signal, () => child.kill(signal));
    } catch {
      // One that this system does not have.
    }
  }
  child.on("error", (error) => {
    process.stderr.write(`${node} cannot be run: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // Where that does not end it, as a shell would say it.
    setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 100);
  });
}
