/** The periods that a budget can have. Days, weeks (from Monday) and months are UTC, as providers bill. */
export const periodKinds = ["day", "week", "month", "total"] as const;
export type PeriodKind = (typeof periodKinds)[number];

/** Names the period of each kind that an instant is in: `d:20261121`, `w:20261116` (its Monday), `m:202611`, `t`. */
export type PeriodId = string;

const dayMs = 86_400_000;

/** In the order of `periodKinds`. Runs once per request; the last day's answer is kept. */
export function periodIdsOf(epochMs: number): readonly PeriodId[] {
  const day = Math.floor(epochMs / dayMs);
  if (day === lastDay) return lastIds;
  lastIds = periodKinds.map((kind) => idOf(kind, day));
  lastDay = day;
  return lastIds;
}

let lastDay = Number.NaN;
let lastIds: readonly PeriodId[] = [];

export function periodIdOf(kind: PeriodKind, epochMs: number): PeriodId {
  return periodIdsOf(epochMs)[periodKinds.indexOf(kind)] ?? "t";
}

/** The first millisecond of the period after; undefined for `total`, which never ends. */
export function periodEndMs(kind: PeriodKind, epochMs: number): number | undefined {
  const date = new Date(epochMs);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  const day = Math.floor(epochMs / dayMs);
  switch (kind) {
    case "day":
      return (day + 1) * dayMs;
    case "week":
      return (mondayOf(day) + 7) * dayMs;
    case "month":
      return Date.UTC(year, month + 1, 1);
    case "total":
      return undefined;
  }
}

function idOf(kind: PeriodKind, day: number): PeriodId {
  switch (kind) {
    case "day":
      return `d:${digitsOf(day)}`;
    case "week":
      return `w:${digitsOf(mondayOf(day))}`;
    case "month":
      return `m:${digitsOf(day).slice(0, 6)}`;
    case "total":
      return "t";
  }
}

/** 1970-01-01 was a Thursday. */
const mondayOf = (day: number): number => day - ((day + 3) % 7);

const digitsOf = (day: number): string =>
  new Date(day * dayMs).toISOString().slice(0, 10).replaceAll("-", "");
