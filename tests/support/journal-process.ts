import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";

import type { FromChild, ToChild } from "./journal-child.ts";

/** A process of its own with a journal, to be killed for real. */
export interface JournalProcess extends AsyncDisposable {
  readonly pid: number;
  readonly writer: string;
  readonly adopted: readonly string[];
  /** Resolves to the child's answer, once it has done it. */
  ask(command: ToChild): Promise<FromChild>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

export interface JournalProcessOptions {
  readonly dataDir: string;
  readonly isShared?: boolean;
  readonly onDiskFull?: "continue" | "refuse";
  readonly waitingBytesMax?: number;
  readonly segmentBytesMax?: number;
  /** In which the child is started: `sh -c '…; exec "$@"' sh node child`. */
  readonly shell?: string;
}

const childPath = join(import.meta.dirname, "journal-child.ts");
const running = new Set<ChildProcess>();

/** A test run that is broken off leaves no process behind. */
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Begins a process and does not wait until its journal is open. */
export function launchJournal(options: JournalProcessOptions): {
  readonly opened: Promise<JournalProcess>;
  kill(): Promise<void>;
} {
  const { shell = "", ...settings } = options;
  const script = `${shell === "" ? ":" : shell}; exec "$@"`;
  const child = spawn(
    "sh",
    ["-c", script, "sh", process.execPath, childPath, JSON.stringify(settings)],
    {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    },
  );
  running.add(child);
  const answers: FromChild[] = [];
  const waiting: ((answer: FromChild) => void)[] = [];
  child.on("message", (answer: FromChild) => {
    const next = waiting.shift();
    if (next === undefined) answers.push(answer);
    else next(answer);
  });
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => {
      running.delete(child);
      for (const next of waiting) next({ kind: "failed", message: "the child is gone" });
      resolve();
    });
  });
  const answer = () =>
    new Promise<FromChild>((resolve) => {
      const early = answers.shift();
      if (early === undefined) waiting.push(resolve);
      else resolve(early);
    });
  const kill = () => {
    child.kill("SIGKILL");
    return exited;
  };
  const opened = answer().then((first): JournalProcess => {
    if (first.kind !== "opened") {
      throw new Error(first.kind === "failed" ? first.message : first.kind);
    }
    return {
      pid: child.pid ?? 0,
      writer: first.writer,
      adopted: first.adopted,
      ask: (command) => {
        child.send(command);
        return answer();
      },
      kill,
      [Symbol.asyncDispose]: kill,
    };
  });
  return { opened, kill };
}

export async function startJournalProcess(options: JournalProcessOptions): Promise<JournalProcess> {
  return launchJournal(options).opened;
}
