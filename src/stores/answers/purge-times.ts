import { idEpochMs } from "../../lib/ids.ts";
import type { Purge, StoredAnswer } from "../../pipeline/cache/cache-store.ts";
import type { SemanticEntry } from "../../pipeline/cache/semantic-store.ts";

/**
 * A purge is worth remembering as long as an answer may come whose request began before it. So long and so many are
 * known exactly; of older ones only when they were (`floorMs`), which refuses more answers than it must.
 */
const rememberedMs = 3_600_000;
const purgesPerTenantMax = 100;
const tenantsMax = 1_000;

/** Of an answer, what says whether a purge is about it. */
export type Purgeable = Pick<
  StoredAnswer,
  "tenantId" | "model" | "requestId" | "tags" | "storedAtEpochMs"
>;

interface NotedPurge {
  readonly what: Purge;
  readonly atEpochMs: number;
}

interface TenantPurges {
  /** The oldest first. */
  noted: NotedPurge[];
  /** Answers whose requests began until then are not kept: purges of that time are no longer known one by one. */
  floorMs: number;
}

/**
 * When what was purged, so that an answer that was under way then does not come back afterwards. `get` asks whether one
 * is hidden, `put` whether it is refused. Runs twice per look-up; 0.1 µs for a tenant without purges.
 */
export class PurgeTimes {
  readonly #tenants = new Map<string, TenantPurges>();
  /** As a tenant's, for tenants that are no longer known one by one. */
  #floorMs = Number.NEGATIVE_INFINITY;

  note(what: Purge, atEpochMs: number): void {
    const { tenantId } = what;
    const known = this.#tenants.get(tenantId) ?? { noted: [], floorMs: this.#floorMs };
    this.#tenants.delete(tenantId);
    this.#tenants.set(tenantId, known);
    forgetOld(known, atEpochMs - rememberedMs);
    known.noted = known.noted.filter((purge) => !isSame(purge.what, what));
    known.noted.push({ what, atEpochMs });
    if (known.noted.length > purgesPerTenantMax) forgetFirst(known);
    if (this.#tenants.size > tenantsMax) this.#forgetFirstTenant();
  }

  /** Whether a purge that came after its request began is about it: it must not be served. */
  hides(answer: Purgeable): boolean {
    const known = this.#tenants.get(answer.tenantId);
    if (known === undefined || known.noted.length === 0) return false;
    const begunMs = begunEpochMs(answer);
    return known.noted.some(
      ({ what, atEpochMs }) => begunMs <= atEpochMs && isPurgedBy(what, answer),
    );
  }

  /** Whether it must not be kept: as `hides`, and where that is no longer known, rather once too often. */
  refuses(answer: Purgeable): boolean {
    const floorMs = this.#tenants.get(answer.tenantId)?.floorMs ?? this.#floorMs;
    if (floorMs > Number.NEGATIVE_INFINITY && begunEpochMs(answer) <= floorMs) return true;
    return this.hides(answer);
  }

  #forgetFirstTenant(): void {
    for (const [tenantId, { noted, floorMs }] of this.#tenants) {
      this.#tenants.delete(tenantId);
      this.#floorMs = noted.reduce(
        (latest, { atEpochMs }) => Math.max(latest, atEpochMs),
        Math.max(this.#floorMs, floorMs),
      );
      return;
    }
  }
}

function forgetOld(known: TenantPurges, beforeEpochMs: number): void {
  while ((known.noted[0]?.atEpochMs ?? Number.POSITIVE_INFINITY) < beforeEpochMs)
    forgetFirst(known);
}

function forgetFirst(known: TenantPurges): void {
  const first = known.noted.shift();
  if (first !== undefined) known.floorMs = Math.max(known.floorMs, first.atEpochMs);
}

/** Whether each field that the purge has applies to the answer. */
export function isPurgedBy(what: Purge, answer: Purgeable): boolean {
  return (
    what.tenantId === answer.tenantId &&
    (what.model === undefined || what.model === answer.model) &&
    (what.requestId === undefined || what.requestId === answer.requestId) &&
    (what.tag === undefined || tagOf(answer, what.tag.name) === what.tag.value)
  );
}

const tagOf = ({ tags }: Pick<Purgeable, "tags">, name: string): string | undefined =>
  Object.hasOwn(tags, name) ? tags[name] : undefined;

/** When the request began: the time in its id, and never after its answer was stored. */
export function begunEpochMs({
  requestId,
  storedAtEpochMs,
}: Pick<Purgeable, "requestId" | "storedAtEpochMs">): number {
  if (!ulidPattern.test(requestId)) return storedAtEpochMs;
  return Math.min(idEpochMs(requestId), storedAtEpochMs);
}

/**
 * An entry as a purge sees it: what its answer is, but of a request of its own. Where the answer is not at hand only
 * purges of the tenant and of its own request find it.
 */
export function aliasOf(
  { id, tenantId }: Pick<SemanticEntry, "id" | "tenantId">,
  answer: StoredAnswer | undefined,
): Purgeable {
  return {
    requestId: id,
    tenantId,
    model: answer?.model ?? "",
    tags: answer?.tags ?? {},
    storedAtEpochMs: Number.POSITIVE_INFINITY,
  };
}

const ulidPattern = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

function isSame(left: Purge, right: Purge): boolean {
  return (
    left.model === right.model &&
    left.requestId === right.requestId &&
    left.tag?.name === right.tag?.name &&
    left.tag?.value === right.tag?.value
  );
}
