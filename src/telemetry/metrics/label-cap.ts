import { noneValue, otherValue, unknownValue } from "./label.ts";

export interface LabelCapOptions {
  readonly max: number;
  /** Called each time a name is replaced. */
  readonly onOverflow: () => void;
}

/** Longer names are `_other` from the start: names of models come from clients. */
const nameLengthMax = 256;
const reserved = new Set([otherValue, noneValue, unknownValue]);

/**
 * Bounds the values of a label: the first `max` names are themselves, and all that come later are `_other`. Names
 * are never forgotten, so that a series does not change its meaning, and none beyond the bound is kept. Runs a
 * few times per request: one look-up.
 */
export class LabelCap {
  readonly #options: LabelCapOptions;
  readonly #names = new Set<string>();

  constructor(options: LabelCapOptions) {
    this.#options = options;
  }

  /** Whether it is one of those that are themselves. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  of(name: string): string {
    if (this.#names.has(name)) return name;
    // Whoever is called so in earnest is one of the others.
    if (reserved.has(name)) return otherValue;
    if (name.length <= nameLengthMax && this.#names.size < this.#options.max) {
      this.#names.add(name);
      return name;
    }
    this.#options.onOverflow();
    return otherValue;
  }
}

/** Clients make up names: one that was never served takes no place of those that were. */
export const servedName = (names: LabelCap, name: string, isServed: boolean): string =>
  isServed || names.has(name) ? names.of(name) : unknownValue;
