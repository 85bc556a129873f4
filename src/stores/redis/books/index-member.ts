import type { AuditQuery } from "../../../pipeline/audit/audit-log.ts";
import type { AuditEntry } from "../../../pipeline/audit/entry.ts";
import { namePart, tagPart } from "./name-part.ts";

/**
 * All that filters look at, in one member of a sorted set: a page is found without opening a record.
 *
 *     id|key|model|served|provider|status|outcome|cache|cost|tag=value|…
 *
 * An id is 26 characters and sorts by time, so that members come in the order of starts.
 */
export function indexMember(entry: AuditEntry): string {
  const fixed = [
    entry.id,
    namePart(entry.key),
    namePart(entry.model),
    namePart(entry.served_model ?? ""),
    namePart(entry.provider ?? ""),
    entry.status,
    namePart(entry.outcome),
    namePart(entry.cache.outcome),
    entry.cost_nano_usd,
  ];
  return [...fixed, ...tagParts(entry.tags)].join("|");
}

/** More tags than any request may have. What comes after is in the record, and is not found by. */
const tagsMax = 64;

export const tagParts = (tags: AuditEntry["tags"]): string[] =>
  Object.entries(tags)
    .slice(0, tagsMax)
    .map(([name, value]) => tagPart(name, value));

export const idOfMember = (member: string): string => member.slice(0, 26);

/** Makes a query's filters into one test of members. */
export function memberFilter(query: AuditQuery): (member: string) => boolean {
  const model = query.model === undefined ? undefined : namePart(query.model);
  const tag = query.tag && tagPart(query.tag.name, query.tag.value);
  const costMin = query.minCostNanoUsd ?? 0;
  const equal = [
    [1, query.keyId],
    [4, query.provider],
    [5, query.status],
    [6, query.outcome],
    [7, query.cache],
  ] as const;
  const wanted = equal.flatMap(([place, value]) =>
    value === undefined ? [] : [{ place, part: namePart(String(value)) }],
  );
  return (member) => {
    const parts = member.split("|");
    return (
      wanted.every(({ place, part }) => parts[place] === part) &&
      (model === undefined || parts[2] === model || parts[3] === model) &&
      Number(parts[8]) >= costMin &&
      (tag === undefined || parts.includes(tag, 9))
    );
  };
}
