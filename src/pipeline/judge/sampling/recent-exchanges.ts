import type { Exchange } from "../../exchange.ts";

/**
 * What was answered lately and not judged, for a thumb down that comes soon. The texts are in memory only, of this
 * process only, and only of tenants that have answers judged.
 */
export class RecentExchanges {
  readonly #byId = new Map<string, { readonly exchange: Exchange; readonly bytes: number }>();
  readonly #bytesMax: number;
  readonly #keptMs: number;
  readonly #nowMs: () => number;
  #bytes = 0;

  constructor(
    nowMs: () => number,
    { bytesMax, keptMs }: { bytesMax: number; keptMs: number } = recentLimits,
  ) {
    this.#nowMs = nowMs;
    this.#bytesMax = bytesMax;
    this.#keptMs = keptMs;
  }

  /** The oldest go where the room is not enough. Costs nothing but a look-up: nothing is copied. */
  add(exchange: Exchange): void {
    const { requestBytes, answerBytes, spoken } = exchange;
    // What it thought as well may be as long.
    const answered = answerBytes?.length ?? 4 * (spoken?.characters ?? 0);
    const bytes = overheadBytes + 3 * requestBytes.length + answered;
    if (bytes > this.#bytesMax) return;
    this.#byId.set(exchange.id, { exchange, bytes });
    this.#bytes += bytes;
    for (const [id, kept] of this.#byId) {
      if (this.#bytes <= this.#bytesMax && this.#isKept(kept.exchange)) break;
      this.#byId.delete(id);
      this.#bytes -= kept.bytes;
    }
  }

  /** Only to the tenant whose it is. */
  take(tenantId: string, id: string): Exchange | undefined {
    const kept = this.#byId.get(id);
    if (kept === undefined || kept.exchange.caller.tenantId !== tenantId) return undefined;
    this.#byId.delete(id);
    this.#bytes -= kept.bytes;
    return this.#isKept(kept.exchange) ? kept.exchange : undefined;
  }

  #isKept({ startedEpochMs }: Exchange): boolean {
    return startedEpochMs >= this.#nowMs() - this.#keptMs;
  }

  get bytes(): number {
    return this.#bytes;
  }
}

const recentLimits = { bytesMax: 32 * 1024 * 1024, keptMs: 30 * 60 * 1_000 };
/** Of an exchange without its texts, rather too much. */
const overheadBytes = 4_096;
