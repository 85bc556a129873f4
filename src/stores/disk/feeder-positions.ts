import type { JournalPosition } from "./journal-line.ts";

/** The place of a store that has nothing yet: segments are numbered from 1. */
export const journalStart: JournalPosition = { segment: 0, offset: 0 };

export function isBefore(left: JournalPosition, right: JournalPosition): boolean {
  return left.segment === right.segment ? left.offset < right.offset : left.segment < right.segment;
}

/** As a key of a map, and for people. */
export const positionText = ({ segment, offset }: JournalPosition): string =>
  `${segment}:${offset}`;
