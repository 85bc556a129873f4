import { percentile } from "../harness/percentile.ts";
import type { LiveFigures } from "./live-figures.ts";

const intervalMs = { terminal: 500, plain: 5_000 } as const;

/** A line that shows how a scenario is going: kept up to date on a terminal, one now and then elsewhere. */
export function showProgress(name: string, live: LiveFigures, out: NodeJS.WriteStream): Disposable {
  const startedMs = performance.now();
  const isTerminal = out.isTTY;
  let lastMs = startedMs;
  let lastCount = 0;
  const show = (): void => {
    const nowMs = performance.now();
    const rate = ((live.answeredCount - lastCount) * 1_000) / Math.max(1, nowMs - lastMs);
    const line = progressLine(name, live, { elapsedMs: nowMs - startedMs, perSecond: rate });
    lastMs = nowMs;
    lastCount = live.answeredCount;
    if (isTerminal) out.write(`\r\x1b[2K${line.slice(0, out.columns - 1)}`);
    else out.write(`${line}\n`);
  };
  const timer = setInterval(show, isTerminal ? intervalMs.terminal : intervalMs.plain);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      if (isTerminal) out.write("\r\x1b[2K");
    },
  };
}

interface Pace {
  readonly elapsedMs: number;
  readonly perSecond: number;
}

export function progressLine(
  name: string,
  live: LiveFigures,
  { elapsedMs, perSecond }: Pace,
): string {
  const latest = live.takeLatest();
  const [p50, p99] = [0.5, 0.99].map((share) =>
    latest.length === 0 ? "–" : percentile(latest, share).toFixed(1),
  );
  const refused = Object.entries(live.statuses).filter(([status]) => !status.startsWith("2"));
  const codes = refused.map(([status, count]) => `  ${status}: ${count}`).join("");
  return (
    `${name}  ${(elapsedMs / 1_000).toFixed(0)} s  ${perSecond.toFixed(0)}/s  p50 ${p50} ms  p99 ${p99} ms  ` +
    `errors ${live.errorCount}${codes}`
  );
}
