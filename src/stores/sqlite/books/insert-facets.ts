import type { Connection } from "../connection.ts";
import type { SqlValue } from "../protocol.ts";
import type { Facet } from "./facets.ts";

export interface FacetRow {
  readonly facet: Facet;
  readonly id: Buffer;
  readonly costNanoUsd: number;
}

const rowsPerStatement = 32;
const insertSql = (rows: number): string =>
  `INSERT OR IGNORE INTO facets VALUES ${Array.from({ length: rows }, () => "(?, ?, ?)").join(", ")}`;
const insertManySql = insertSql(rowsPerStatement);
const insertOneSql = insertSql(1);

/** In the order in which they lie in the file, and many at a time: half the cost of one by one. */
export function insertFacets(connection: Connection, rows: FacetRow[]): void {
  rows.sort((left, right) => left.facet - right.facet);
  let at = 0;
  for (; at + rowsPerStatement <= rows.length; at += rowsPerStatement) {
    const params: SqlValue[] = [];
    for (let index = at; index < at + rowsPerStatement; index += 1) pushValues(params, rows[index]);
    connection.run({ sql: insertManySql, params });
  }
  for (; at < rows.length; at += 1) {
    const params: SqlValue[] = [];
    pushValues(params, rows[at]);
    connection.run({ sql: insertOneSql, params });
  }
}

function pushValues(params: SqlValue[], row: FacetRow | undefined): void {
  if (row !== undefined) params.push(row.facet, row.id, row.costNanoUsd);
}
