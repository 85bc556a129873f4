/** What the clients saw of one scenario. Times are in milliseconds. */
export interface Measured {
  readonly elapsedSeconds: number;
  readonly answeredCount: number;
  /** By HTTP status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Connections that were refused or cut, answers that did not come, streams that ended too early. */
  readonly errorCount: number;
  /** Of answers with a status of 200 to 299, from the request to their last byte. */
  readonly latenciesMs: readonly number[];
  /** Of streams: until the first byte of the body, and from there on between two reads. */
  readonly firstByteMs?: readonly number[];
  readonly gapsMs?: readonly number[];
  /** By `x-sentinel-cache`. */
  readonly cache: Readonly<Record<string, number>>;
  /** Answers that took more than one attempt at a provider. */
  readonly severalAttemptsCount: number;
  /** What a scenario found out besides, for its expectations and the report. */
  readonly notes: readonly string[];
  /** Checks of its own that failed. */
  readonly faults: readonly string[];
}

/** Answers that were not what was asked for. */
export const refusedCount = ({ statuses }: Pick<Measured, "statuses">): number =>
  Object.entries(statuses).reduce((sum, [status, count]) => sum + (isGood(status) ? 0 : count), 0);

export const isGood = (status: number | string): boolean => /^2\d\d$/.test(String(status));

/** Several runs, one after the other, as one. */
export function together(parts: readonly Measured[]): Measured {
  const sum = (of: (part: Measured) => number): number =>
    parts.reduce((total, part) => total + of(part), 0);
  return {
    elapsedSeconds: sum((part) => part.elapsedSeconds),
    answeredCount: sum((part) => part.answeredCount),
    statuses: addUp(parts.map(({ statuses }) => statuses)),
    errorCount: sum((part) => part.errorCount),
    latenciesMs: parts.flatMap(({ latenciesMs }) => latenciesMs),
    cache: addUp(parts.map(({ cache }) => cache)),
    severalAttemptsCount: sum((part) => part.severalAttemptsCount),
    notes: parts.flatMap(({ notes }) => notes),
    faults: parts.flatMap(({ faults }) => faults),
  };
}

function addUp(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const one of counts) {
    for (const [name, count] of Object.entries(one)) total[name] = (total[name] ?? 0) + count;
  }
  return total;
}
