import { describeMachine } from "../harness/machine.ts";

export type Cases = Readonly<Record<string, (at: number) => void>>;
/** Nanoseconds of one operation, a figure for each round. */
export type Figures = Map<string, number[]>;

export interface Turns {
  readonly operations: number;
  readonly rounds: number;
}

/** Runs every case `operations` times, one after the other, and that for some rounds; the first of them warms up. */
export function inTurns(cases: Cases, { operations, rounds }: Turns): Figures {
  const figures: Figures = new Map();
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of Object.entries(cases)) {
      const startMs = performance.now();
      for (let at = 0; at < operations; at++) run(at);
      const each = ((performance.now() - startMs) * 1e6) / operations;
      if (round > 0) figures.set(name, [...(figures.get(name) ?? []), each]);
    }
  }
  return figures;
}

const units = { ns: { nanoseconds: 1, digits: 1 }, µs: { nanoseconds: 1_000, digits: 3 } } as const;

export function printFigures(
  figures: Figures,
  { operations, rounds }: Turns,
  unit: keyof typeof units,
): void {
  const { nanoseconds, digits } = units[unit];
  console.log(describeMachine());
  console.log(`${operations} operations, ${rounds} rounds in turns; ${unit} per operation\n`);
  console.log(`${"".padEnd(40)}${["median", "lowest", "highest"].map(column).join("")}`);
  for (const [name, all] of figures) {
    const sorted = all.toSorted((left, right) => left - right);
    const shown = [sorted[Math.floor(sorted.length / 2)], sorted[0], sorted.at(-1)];
    const texts = shown.map((figure = 0) => column((figure / nanoseconds).toFixed(digits)));
    console.log(name.padEnd(40) + texts.join(""));
  }
}

const column = (text: string): string => text.padStart(10);
