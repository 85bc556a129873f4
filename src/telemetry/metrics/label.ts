/** One label of a family of metrics, and which values it may have. */
export interface Label<Value extends string = string> {
  readonly name: string;
  /** Every value there is, where they are known beforehand; undefined for names that come from outside. */
  readonly closedValues: readonly Value[] | undefined;
  /** Whether a value stays as it is in the series that stand in for those that a full family cannot have. */
  readonly isKeptInOverflow: (value: string) => boolean;
}

/** The arguments of `family.with(…)`: one for each label, in the order in which they were named. */
export type LabelValues<Labels extends readonly Label[]> = {
  readonly [Index in keyof Labels]: Labels[Index] extends Label<infer Value> ? Value : never;
};

/** Stands for all the names that came after a bound was reached. */
export const otherValue = "_other";
/** There is none: no caller is known, no provider was asked. */
export const noneValue = "_none";
/** Nothing of that name is known: a model that no route serves. */
export const unknownValue = "_unknown";

/** A label whose values are names from outside: tenants, models, providers. `LabelCap` bounds them. */
export function openLabel(name: string): Label {
  return { name, closedValues: undefined, isKeptInOverflow: () => false };
}

/** A label that has these values and no others. */
export function closedLabel<const Values extends readonly string[]>(
  name: string,
  values: Values,
): Label<Values[number]> {
  const known = new Set<string>(values);
  return { name, closedValues: values, isKeptInOverflow: (value) => known.has(value) };
}

/** A label that is an HTTP status: five hundred values at most, and what availability is reckoned from. */
export function statusLabel(name: string): Label {
  return {
    name,
    closedValues: undefined,
    isKeptInOverflow: (value) => /^[1-5][0-9]{2}$/.test(value),
  };
}
