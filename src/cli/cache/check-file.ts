import { lineFaults } from "./read-lines.ts";
import type { Line } from "./read-lines.ts";
import { pathOf } from "./warm-line.ts";
import type { WarmLine } from "./warm-line.ts";

/** What a file would be, if it were sent. */
export interface FileCheck {
  readonly lines: number;
  /** Requests that would be sent, by path. */
  readonly requests: Readonly<Record<string, number>>;
  readonly uncacheable: number;
  readonly problems: number;
}

/** `what` ends a sentence about the line. */
export type OnFinding = (line: number, what: string) => void;

/** Reads a file as `warm` does, and sends nothing. */
export async function checkFile(
  lines: AsyncIterable<Line>,
  readLine: (text: string) => WarmLine,
  onFinding: OnFinding,
): Promise<FileCheck> {
  const requests: Record<string, number> = {};
  const check = { lines: 0, uncacheable: 0, problems: 0 };
  for await (const line of lines) {
    const read: WarmLine =
      "fault" in line ? { kind: "problem", problem: lineFaults[line.fault] } : readLine(line.text);
    if (read.kind === "blank") continue;
    check.lines++;
    switch (read.kind) {
      case "request": {
        const path = pathOf(read.endpoint);
        requests[path] = (requests[path] ?? 0) + 1;
        break;
      }
      case "uncacheable":
        check.uncacheable++;
        onFinding(line.number, `would not be cached: ${read.reason}`);
        break;
      case "problem":
        check.problems++;
        onFinding(line.number, read.problem);
    }
  }
  return { ...check, requests };
}
