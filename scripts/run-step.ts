import { spawn } from "node:child_process";
import { join } from "node:path";

/** One program that a script runs, and how it ended. Its standard input is closed: nothing here asks. */
export interface Step {
  readonly name: string;
  readonly command: string;
  readonly arguments: readonly string[];
}

export interface StepResult {
  readonly step: Step;
  readonly isOk: boolean;
  readonly seconds: number;
  /** What it printed; empty if that went to the terminal. */
  readonly output: string;
}

export interface StepOptions {
  /** `show`: what it prints goes to the terminal as it comes. `keep`: only into the result. */
  readonly output: "show" | "keep";
  readonly minutesMax: number;
}

/** A program of this project's dependencies, run by the Node that runs this, whatever `node` is elsewhere. */
export const nodeStep = (name: string, script: string, ...rest: string[]): Step => ({
  name,
  command: process.execPath,
  arguments: [`node_modules/${script}`, ...rest],
});

export const programs = {
  tsc: "typescript/bin/tsc",
  eslint: "eslint/bin/eslint.js",
  prettier: "prettier/bin/prettier.cjs",
  vitest: "vitest/vitest.mjs",
} as const;

/**
 * Node keeps here what it made of the TypeScript that it read, by content. Tests start hundreds of gateways,
 * each with a thread that reads its own; with this they take half the processor time (measured 2026-11-21).
 */
const compileCachePath = join(import.meta.dirname, "../node_modules/.cache/node-compile");

/** Never rejects: a program that is not there is one that failed. */
export function runStep(step: Step, { output, minutesMax }: StepOptions): Promise<StepResult> {
  const startedTickMs = performance.now();
  const { promise, resolve } = Promise.withResolvers<StepResult>();
  const printed: string[] = [];
  const finish = (isOk: boolean): void => {
    const seconds = (performance.now() - startedTickMs) / 1_000;
    resolve({ step, isOk, seconds, output: printed.join("") });
  };
  const inherited = output === "show" ? "inherit" : "pipe";
  const child = spawn(step.command, step.arguments, {
    stdio: ["ignore", inherited, inherited],
    env: { ...process.env, NODE_COMPILE_CACHE: compileCachePath },
    timeout: minutesMax * 60_000,
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => printed.push(text));
  }
  child.once("error", (error) => {
    printed.push(`${error.message}\n`);
    finish(false);
  });
  child.once("close", (code, signal) => {
    if (signal !== null) printed.push(`It was ended by ${signal}.\n`);
    finish(code === 0);
  });
  return promise;
}
