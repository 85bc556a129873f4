import type { AuditQuery } from "../../../pipeline/audit/audit-log.ts";
import type { Connection } from "../connection.ts";
import type { SqlValue } from "../protocol.ts";
import type { Facet } from "./facets.ts";

export interface IdRange {
  readonly from: Buffer;
  /** Not included. */
  readonly before: Buffer;
}

export interface Search {
  readonly query: AuditQuery;
  readonly facets: readonly Facet[];
}

export interface FoundIds {
  /** Newest first. Of records that have all facets; most of them are what was asked for. */
  readonly ids: readonly Uint8Array[];
  /** Everything from here to the end of the range was looked at; undefined: all of it. */
  readonly scannedTo: Buffer | undefined;
}

/** So many rows of the index are gone through in one statement, a few milliseconds. */
export const rowsPerStep = 5_000;
/** Counting further would not change which facet is looked through. */
const countMax = 2_000;

/** The next ids of one file that may be what was asked for. */
export function findIds(
  file: Connection,
  search: Search,
  { range, wanted }: { readonly range: IdRange; readonly wanted: number },
): FoundIds {
  const facets = rarestFirst(file, search.facets, range);
  const [first, ...others] = facets;
  if (first === undefined) return { ids: [], scannedTo: undefined };
  const ids = step(file, {
    first,
    others,
    range,
    wanted,
    minCost: search.query.minCostNanoUsd ?? 0,
  });
  const last = ids.at(-1);
  if (ids.length >= wanted && last !== undefined) return { ids, scannedTo: Buffer.from(last) };
  const sql = `
    SELECT id FROM facets WHERE facet = ? AND id < ? AND id >= ?
    ORDER BY id DESC LIMIT 1 OFFSET ${rowsPerStep - 1}`;
  const [end] = file.all({ sql, params: [first, range.before, range.from] });
  return { ids, scannedTo: end && Buffer.from(end["id"] as Uint8Array) };
}

/** None, where one of them has no record in the range. */
function rarestFirst(file: Connection, facets: readonly Facet[], range: IdRange): Facet[] {
  if (facets.length === 1) return [...facets];
  const sql = `
    SELECT count(*) AS count FROM (
      SELECT 1 FROM facets WHERE facet = ? AND id < ? AND id >= ? LIMIT ${countMax})`;
  const counted = facets.map((facet) => {
    const [row] = file.all({ sql, params: [facet, range.before, range.from] });
    return { facet, count: Number(row?.["count"]) };
  });
  if (counted.some(({ count }) => count === 0)) return [];
  return counted.sort((left, right) => left.count - right.count).map(({ facet }) => facet);
}

interface Step {
  readonly first: Facet;
  readonly others: readonly Facet[];
  readonly range: IdRange;
  readonly wanted: number;
  readonly minCost: number;
}

function step(file: Connection, { first, others, range, wanted, minCost }: Step): Uint8Array[] {
  const also = others.map(
    () => "AND EXISTS (SELECT 1 FROM facets WHERE facet = ? AND id = some.id)",
  );
  const sql = `
    SELECT id FROM (
      SELECT id, cost_nano_usd FROM facets WHERE facet = ? AND id < ? AND id >= ?
      ORDER BY id DESC LIMIT ${rowsPerStep}) AS some
    WHERE cost_nano_usd >= ? ${also.join(" ")} ORDER BY id DESC LIMIT ?`;
  const params: SqlValue[] = [first, range.before, range.from, minCost, ...others, wanted];
  return file.all({ sql, params }).map(({ id }) => id as Uint8Array);
}
