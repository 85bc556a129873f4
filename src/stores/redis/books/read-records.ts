import type { StoredRecord } from "../../../pipeline/audit/audit-log.ts";
import { oldestFirst } from "../../../pipeline/audit/oldest-first.ts";
import type { RedisConnection } from "../open.ts";
import { bookKeys, startOf } from "./keys.ts";
import { unpackRecord } from "./record-codec.ts";
import type { PackedRecord } from "./record-codec.ts";

/** A request with more than these was amended by mistake; those with the last ids are left out. */
const amendmentsMax = 1_000;

/** A tenant's records by their ids, in that order, with their amendments. Those that are not there are left out. */
export async function readRecords(
  redis: RedisConnection,
  tenantId: string,
  ids: readonly string[],
): Promise<StoredRecord[]> {
  const hours = Map.groupBy(ids, (id) => bookKeys(tenantId, startOf(id) ?? 0).records);
  const found = new Map<string, StoredRecord>();
  for (const [recordsKey, idsOfHour] of hours) {
    const packed = await redis.client.hmgetBuffer(recordsKey, ...idsOfHour);
    const present = idsOfHour.flatMap((id, at) => {
      const record = packed[at] && unpackRecord(packed[at]);
      return record == null ? [] : [{ id, record }];
    });
    const amendments = await readAmendments(redis, tenantId, present);
    for (const [at, { id, record }] of present.entries()) {
      const { text, writer, seq, prevHash, hash } = record;
      const joined = oldestFirst(amendments[at] ?? []);
      found.set(id, { id, text, writer, seq, prevHash, hash, amendments: joined });
    }
  }
  return ids.flatMap((id) => found.get(id) ?? []);
}

/** Of records of one hour. Members are `<request id>|<amendment id>|<text>`. */
async function readAmendments(
  { client }: RedisConnection,
  tenantId: string,
  records: readonly { readonly id: string; readonly record: PackedRecord }[],
): Promise<string[][]> {
  const [first] = records;
  if (first === undefined) return [];
  const { amendments } = bookKeys(tenantId, startOf(first.id) ?? 0);
  if ((await client.exists(amendments)) === 0) return [];
  const pipeline = client.pipeline();
  for (const { id } of records) {
    pipeline.zrange(amendments, `[${id}|`, `(${id}}`, "BYLEX", "LIMIT", 0, amendmentsMax);
  }
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, members]) => {
    if (error !== null) throw error;
    return (members as readonly string[]).map((member) => member.slice(textStart));
  });
}

/** Two ids and what divides them. */
const textStart = 2 * 27;
