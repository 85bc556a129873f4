/**
 * The value of a table under a name that somebody else chose. What every object inherits (`constructor`,
 * `__proto__`) is not in the table.
 */
export function ownValue<Value>(
  table: Readonly<Record<string, Value>> | undefined,
  name: unknown,
): Value | undefined {
  if (table === undefined || typeof name !== "string") return undefined;
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
