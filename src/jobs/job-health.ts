import type { Clock } from "../lib/clock.ts";
import { PartHealth } from "../lib/part-health.ts";
import type { JobCounts, JobStore } from "./job-store.ts";

/** Whether jobs are done, by whomever: also in a process that does none itself. */
export interface JobHealth extends Disposable {
  readonly part: PartHealth;
  /** As they were at the last look, so that nobody who asks waits for a store. */
  figures(): JobFigures;
}

export interface JobFigures {
  /** Empty until the first look. */
  readonly counts: readonly JobCounts[];
  /** Milliseconds since 1970; undefined: the store has not answered yet. */
  readonly readAtMs: number | undefined;
}

export interface JobHealthOptions {
  readonly store: Pick<JobStore, "counts">;
  readonly clock: Clock;
  /** It is degraded while a job has been due for longer. */
  readonly stalledMs: number;
  /** By kind, how long one run may take that goes as it should: so much later is its oldest job late. */
  readonly runMs?: Readonly<Record<string, number>>;
  readonly everyMs?: number;
}

const everyMsDefault = 5_000;
const noStore = "The store of jobs does not answer: jobs wait until it does.";

/** Looks at once, and then every five seconds. */
export function openJobHealth(options: JobHealthOptions): JobHealth {
  const { store, clock, stalledMs, runMs = {}, everyMs = everyMsDefault } = options;
  const part = new PartHealth("jobs", clock);
  let figures: JobFigures = { counts: [], readAtMs: undefined };
  let isLooking = false;
  const look = async (): Promise<void> => {
    isLooking = true;
    try {
      const counts = await store.counts();
      figures = { counts, readAtMs: clock.epochMs() };
      const problem = stalledProblem(counts, stalledMs, runMs);
      if (problem === undefined) part.noteOk();
      else part.noteFailure(problem);
    } catch {
      part.noteFailure(noStore); // Why is what the runner and the feed tell the log.
    }
    isLooking = false;
  };
  const onTimer = (): void => {
    // A store that has not answered since the last time is one that does not.
    if (isLooking) part.noteFailure(noStore);
    else void look();
  };
  const timer = setInterval(onTimer, everyMs).unref();
  void look();
  return {
    part,
    figures: () => figures,
    [Symbol.dispose]: () => {
      clearInterval(timer);
    },
  };
}

/** A sentence for the operator, or undefined. */
export function stalledProblem(
  counts: readonly JobCounts[],
  stalledMs: number,
  runMs: Readonly<Record<string, number>> = {},
): string | undefined {
  let oldest: { readonly kind: string; readonly ageMs: number } | undefined;
  for (const { kind, oldestMs: ageMs = 0 } of counts) {
    const isLate = ageMs > stalledMs + (runMs[kind] ?? 0);
    if (isLate && ageMs > (oldest?.ageMs ?? 0)) oldest = { kind, ageMs };
  }
  if (oldest === undefined) return undefined;
  const total = (state: "waiting" | "delayed" | "running"): number =>
    counts.reduce((sum, each) => sum + each[state], 0);
  return (
    `The oldest job, of the kind ${oldest.kind}, has been due for ${durationText(oldest.ageMs)}; ` +
    `${total("waiting") - total("delayed")} are due and ${total("running")} run. Are there workers ` +
    "(`sentinel worker`, or SENTINEL_JOB_CONCURRENCY above 0), and enough of them?"
  );
}

function durationText(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} minutes` : `${Math.floor(minutes / 60)} hours`;
}
