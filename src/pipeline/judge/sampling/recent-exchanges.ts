import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import type { Exchange } from "../../exchange.ts";
import type { EndedExchange } from "./judge-job.ts";

/**
 * What was answered lately and not judged, for a thumb down that comes soon. The texts are in memory only, of this
 * process only, and only of tenants that have answers judged.
 *
 * Of an exchange only what a judge needs is kept, and of its request the bytes alone: they lie outside of the heap that
 * the garbage collector walks through. Whole exchanges had it do so four times as often.
 */
export class RecentExchanges {
  readonly #byId = new Map<string, Kept>();
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

  /** The oldest go where the room is not enough. No text is copied or read. */
  add(exchange: Exchange): void {
    const kept = keptOf(exchange);
    if (kept.bytes > this.#bytesMax) return;
    this.#byId.set(exchange.id, kept);
    this.#bytes += kept.bytes;
    for (const [id, oldest] of this.#byId) {
      if (this.#bytes <= this.#bytesMax && this.#isKept(oldest)) break;
      this.#byId.delete(id);
      this.#bytes -= oldest.bytes;
    }
  }

  /** Only to the tenant whose it is. */
  take(tenantId: string, id: string): EndedExchange | undefined {
    const kept = this.#byId.get(id);
    if (kept === undefined || kept.caller.tenantId !== tenantId) return undefined;
    this.#byId.delete(id);
    this.#bytes -= kept.bytes;
    return this.#isKept(kept) ? restored(id, kept) : undefined;
  }

  #isKept({ startedEpochMs }: Kept): boolean {
    return startedEpochMs >= this.#nowMs() - this.#keptMs;
  }

  get bytes(): number {
    return this.#bytes;
  }
}

const recentLimits = { bytesMax: 32 * 1024 * 1024, keptMs: 30 * 60 * 1_000 };
/** Of one without its texts, rather too much. */
const overheadBytes = 1_024;

interface Kept extends Omit<EndedExchange, "id" | "request"> {
  readonly requestBytes: Buffer;
  readonly startedEpochMs: number;
  readonly bytes: number;
}

function keptOf(exchange: Exchange): Kept {
  const { caller, endpoint, model, requestBytes, trace, startedEpochMs } = exchange;
  const { attempts, spoken, answerBytes } = exchange;
  // Two bytes a character, and as many for what it was cut from.
  const answered = answerBytes?.length ?? 4 * (spoken?.characters ?? 0);
  return {
    caller,
    endpoint,
    model,
    requestBytes,
    trace,
    startedEpochMs,
    attempts: attempts.slice(-1),
    spoken,
    answerBytes,
    bytes: overheadBytes + requestBytes.length + answered,
  };
}

const restored = (id: string, kept: Kept): EndedExchange => ({ ...kept, id, request: read(kept) });

/** It was read once already, as an object. */
function read({ requestBytes }: Kept): { readonly value: JsonObject } {
  const value: unknown = JSON.parse(requestBytes.toString("utf8"));
  return { value: isJsonObject(value) ? value : {} };
}
