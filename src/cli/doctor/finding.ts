import { styleText } from "node:util";

import { printable } from "../table.ts";

/** One line of `sentinel doctor`. */
export interface Finding {
  readonly status: FindingStatus;
  /** What was looked at, in a word. */
  readonly area: string;
  readonly what: string;
  /** What to do about it. */
  readonly fix?: string;
}

/** `warn` works today and may not tomorrow, or could not be told; `fail` does not work. */
export type FindingStatus = "ok" | "warn" | "fail";

const of =
  (status: FindingStatus) =>
  (area: string, what: string, fix?: string): Finding => ({
    status,
    area,
    what,
    ...(fix === undefined ? {} : { fix }),
  });

export const ok = of("ok");
export const warn = of("warn");
export const fail = of("fail");

const colours = { ok: "green", warn: "yellow", fail: "red" } as const;
const areaWidth = 13;

/** Colours stand only where a terminal shows them, and NO_COLOR does not forbid it. */
export function findingText({ status, area, what, fix }: Finding): string {
  const word = styleText(colours[status], status.padEnd(4), { stream: process.stdout });
  const line = `${word}  ${area.padEnd(areaWidth)}  ${printable(what)}`;
  return fix === undefined ? line : `${line}\n${" ".repeat(areaWidth + 8)}→ ${printable(fix)}`;
}

/** What a check could not find out: it has failed itself, which must not keep the others from running. */
export async function guarded(
  area: string,
  check: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await check();
  } catch (error) {
    return [fail(area, error instanceof Error ? error.message : String(error))];
  }
}
