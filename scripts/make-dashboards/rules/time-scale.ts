/** Turns seconds into a PromQL duration. What it is given is real time; what it says may be a fraction of it. */
export type Span = (seconds: number) => string;

/** With a scale of 1/60 an alert that takes an hour fires in a minute, so that a test can watch it. */
export interface TimeScale {
  readonly timeScale: number;
}

export const realTime: TimeScale = { timeScale: 1 };

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
] as const;

/** In the largest unit that is exact, as people write it: `5m`, `1h`, `30d`. */
export function spanIn({ timeScale }: TimeScale): Span {
  return (seconds) => {
    const ms = Math.max(1, Math.round(seconds * 1_000 * timeScale));
    const [unit, unitMs] = units.find(([, size]) => ms % size === 0) ?? (["ms", 1] as const);
    return `${ms / unitMs}${unit}`;
  };
}

export const minuteSeconds = 60;
export const hourSeconds = 3_600;
export const daySeconds = 86_400;
