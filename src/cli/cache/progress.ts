import { printable } from "../table.ts";

/** Where people look; stderr, as a rule. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** A line that is written over and over, on a terminal alone, and lines above it that stay. */
export interface Progress {
  /** Shown now and then: it may be called as often as there is something new. */
  show(text: () => string): void;
  note(text: string): void;
  /** Takes the line away. */
  end(): void;
}

const betweenMs = 100;
const eraseLine = "\r\u001b[2K";
const defaultColumns = 80;

export function openProgress(
  terminal: Terminal,
  nowMs: () => number = () => performance.now(),
): Progress {
  const isShown = terminal.isTTY === true;
  let shownAtMs = Number.NEGATIVE_INFINITY;
  const erase = (): void => {
    if (isShown && shownAtMs !== Number.NEGATIVE_INFINITY) terminal.write(eraseLine);
  };
  return {
    show: (text) => {
      const now = nowMs();
      if (!isShown || now - shownAtMs < betweenMs) return;
      shownAtMs = now;
      const fitting = printable(text()).slice(0, (terminal.columns ?? defaultColumns) - 1);
      terminal.write(`${eraseLine}${fitting}`);
    },
    note: (text) => {
      erase();
      terminal.write(`${printable(text)}\n`);
    },
    end: erase,
  };
}
