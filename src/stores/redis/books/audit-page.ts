import { encodeTime } from "ulid";

import type { AuditPage, AuditQuery } from "../../../pipeline/audit/audit-log.ts";
import type { RedisConnection } from "../open.ts";
import { idOfMember, memberFilter } from "./index-member.ts";
import { bookKeys, hourMs, hourStartMs, isTenantId, startOf } from "./keys.ts";
import { readRecords } from "./read-records.ts";

/** A call looks at so many members at most, and then says where to go on. */
const scannedMax = 2_000;
const scanStep = 500;
/** Clocks of other replicas may be ahead. */
const aheadMs = 24 * hourMs;
/** So many hours are asked at once whether they have anything. */
const hoursAtOnce = 200;

/** One page of a tenant's records, the newest first. */
export async function readPage(
  redis: RedisConnection,
  query: AuditQuery,
  { oldestHourMs, nowMs }: { readonly oldestHourMs: number; readonly nowMs: number },
): Promise<AuditPage> {
  const scan = new PageScan(query);
  const fromMs = Math.max(query.fromMs, oldestHourMs);
  const afterMs = query.after === undefined ? undefined : startOf(query.after);
  const isNowhere = query.after !== undefined && afterMs === undefined;
  if (isNowhere || !isTenantId(query.tenantId)) return { records: [], next: undefined };
  const lastMs = Math.min(query.toMs - 1, nowMs + aheadMs, afterMs ?? Number.POSITIVE_INFINITY);

  for await (const hour of hoursWithRecords(redis, query.tenantId, fromMs, lastMs)) {
    await scanHour(redis, bookKeys(query.tenantId, hour).index, { fromMs, query, scan });
    if (scan.isOver) break;
  }
  const records = await readRecords(redis, query.tenantId, scan.ids);
  return { records, next: scan.next };
}

/** The newest first. */
async function* hoursWithRecords(
  redis: RedisConnection,
  tenantId: string,
  fromMs: number,
  lastMs: number,
): AsyncGenerator<number, void> {
  const firstHour = hourStartMs(fromMs);
  for (let hour = hourStartMs(lastMs); hour >= firstHour; hour -= hoursAtOnce * hourMs) {
    const count = Math.min(hoursAtOnce, (hour - firstHour) / hourMs + 1);
    const hours = Array.from({ length: count }, (_, index) => hour - index * hourMs);
    const pipeline = redis.client.pipeline();
    for (const each of hours) pipeline.exists(bookKeys(tenantId, each).index);
    const replies = (await pipeline.exec()) ?? [];
    for (const [index, each] of hours.entries()) {
      const [error, isThere] = replies[index] ?? [];
      if (error instanceof Error) throw error;
      if (isThere === 1) yield each;
    }
  }
}

interface HourScan {
  readonly fromMs: number;
  readonly query: AuditQuery;
  readonly scan: PageScan;
}

async function scanHour(
  redis: RedisConnection,
  indexKey: string,
  { fromMs, query, scan }: HourScan,
): Promise<void> {
  const min = `[${timePrefix(fromMs)}`;
  const end = query.toMs > timeMaxMs ? "+" : `(${timePrefix(query.toMs)}`;
  let max =
    query.after === undefined || isTimeBefore(query.toMs, query.after) ? end : `(${query.after}`;
  for (;;) {
    const members = await redis.client.zrange(
      indexKey,
      max,
      min,
      "BYLEX",
      "REV",
      "LIMIT",
      0,
      scanStep,
    );
    for (const member of members) {
      scan.see(member);
      if (scan.isOver) return;
    }
    const last = members.at(-1);
    if (last === undefined || members.length < scanStep) return;
    max = `(${last}`;
  }
}

/** The last instant that fits an id. */
const timeMaxMs = 2 ** 48 - 1;
const timePrefix = (epochMs: number): string =>
  encodeTime(Math.min(timeMaxMs, Math.max(0, Math.ceil(epochMs))));

/** Whether a page ends at the range's end rather than at its cursor. */
const isTimeBefore = (toMs: number, id: string): boolean => toMs <= (startOf(id) ?? 0);

/** Gathers a page's ids and knows when to stop. */
class PageScan {
  readonly ids: string[] = [];
  readonly #limit: number;
  readonly #isMatch: (member: string) => boolean;
  #seen = 0;
  #last: string | undefined;
  #next: string | undefined;

  constructor(query: AuditQuery) {
    this.#limit = query.limit;
    this.#isMatch = memberFilter(query);
  }

  get isOver(): boolean {
    return this.#next !== undefined;
  }

  /** Where the next page begins. */
  get next(): string | undefined {
    return this.#next;
  }

  see(member: string): void {
    if (this.#seen === scannedMax) {
      this.#next = this.#last;
      return;
    }
    this.#seen += 1;
    const id = idOfMember(member);
    if (this.#isMatch(member)) {
      // One more than fits: now it is known that another page is not empty.
      if (this.ids.length === this.#limit) {
        this.#next = this.#last;
        return;
      }
      this.ids.push(id);
    }
    this.#last = id;
  }
}
