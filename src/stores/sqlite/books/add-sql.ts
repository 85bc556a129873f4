/** The largest sum that SQLite holds: nine billion dollars. A row stays there, rather than stop the ledger. */
export const sumMax = 2n ** 63n - 1n;

export const held = (sum: bigint): bigint => (sum > sumMax ? sumMax : sum);

/** Both are never negative. */
export const added = (left: string, right: string): string =>
  `CASE WHEN ${left} > ${sumMax} - ${right} THEN ${sumMax} ELSE ${left} + ${right} END`;

export interface SumsTable {
  readonly table: string;
  /** Its primary key. */
  readonly dimensions: readonly string[];
  readonly sums: readonly string[];
}

/** Adds a row's sums to those that are there. Columns by their names: migrations put theirs behind all others. */
export function addSql({ table, dimensions, sums }: SumsTable): string {
  const columns = [...dimensions, ...sums];
  const places = columns.map(() => "?").join(", ");
  const updates = sums.map((sum) => `${sum} = ${added(`${table}.${sum}`, `excluded.${sum}`)}`);
  return `
    INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})
    ON CONFLICT (${dimensions.join(", ")}) DO UPDATE SET ${updates.join(", ")}`;
}
