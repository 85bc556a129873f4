import { ByteRing } from "../../../lib/byte-ring.ts";
import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import type { Exchange } from "../../exchange.ts";
import { answerSaid } from "./answer-said.ts";
import type { SaidBy } from "./answer-said.ts";
import { describedRequest, tracedBy } from "./judge-job.ts";
import type { ToJudge } from "./judge-job.ts";
import { askedText } from "./judged-text.ts";
import type { JudgedEndpoint } from "./judged-text.ts";

/**
 * What was answered lately and not judged, for a thumb down that comes soon. The texts are in memory only, of this
 * process only, and only of tenants that have answers judged.
 *
 * They are copied into one ring of bytes, of which the oldest are written over. Kept as objects they filled the old
 * heap, and its collections were pauses of a tenth of a second on a small machine.
 */
export class RecentExchanges {
  readonly #places = new Map<string, number>();
  readonly #nowMs: () => number;
  readonly #keptMs: number;
  readonly #ring: ByteRing;

  constructor(
    nowMs: () => number,
    { bytesMax, keptMs }: { bytesMax: number; keptMs: number } = recentLimits,
  ) {
    this.#nowMs = nowMs;
    this.#keptMs = keptMs;
    const onDrop = (at: number): void => {
      this.#places.delete(this.#ring.partAt(at, parts.id).toString("latin1"));
    };
    this.#ring = new ByteRing({ bytesMax, partCount: Object.keys(parts).length, onDrop });
  }

  /** The oldest go where the room is not enough. Runs once per request of a tenant with a judge; budget 5 µs. */
  add(exchange: Exchange, endpoint: JudgedEndpoint): void {
    const { id, startedEpochMs, requestBytes, spoken, answerBytes } = exchange;
    if (this.#places.has(id)) return;
    const ring = this.#ring;
    while (ring.first !== undefined && !this.#isKept(ring.markAt(ring.first))) ring.dropFirst();
    const about = JSON.stringify(aboutOf(exchange, endpoint));
    const answer = spoken?.text ?? answerBytes ?? "";
    const at = ring.add(startedEpochMs, [id, about, requestBytes, answer]);
    if (at !== undefined) this.#places.set(id, at);
  }

  /** Only to the tenant whose it is, and only once. Undefined also where there was nothing said that could be judged. */
  take(tenantId: string, id: string): ToJudge | undefined {
    const at = this.#places.get(id);
    if (at === undefined) return undefined;
    const ring = this.#ring;
    const about = JSON.parse(ring.partAt(at, parts.about).toString("utf8")) as About;
    if (about.tenantId !== tenantId) return undefined;
    const request = ring.partAt(at, parts.request).toString("utf8");
    const answer = ring.partAt(at, parts.answer).toString("utf8");
    this.#places.delete(id);
    ring.wipe(at);
    return this.#isKept(ring.markAt(at)) ? restored(id, about, request, answer) : undefined;
  }

  #isKept(startedEpochMs: number): boolean {
    return startedEpochMs >= this.#nowMs() - this.#keptMs;
  }
}

const recentLimits = { bytesMax: 32 * 1024 * 1024, keptMs: 30 * 60 * 1_000 };

const parts = { id: 0, about: 1, request: 2, answer: 3 } as const;

/** What is kept of an exchange besides its texts. */
interface About extends Pick<ToJudge, "tenantId" | "request" | "trace"> {
  readonly endpoint: JudgedEndpoint;
  /** Of a stream, what is not in its text; null for a whole answer. */
  readonly spoken: Omit<NonNullable<SaidBy["spoken"]>, "text"> | null;
}

function aboutOf(exchange: Exchange, endpoint: JudgedEndpoint): About {
  const { caller, trace, spoken } = exchange;
  return {
    tenantId: caller.tenantId,
    request: describedRequest(exchange),
    trace: tracedBy(trace),
    endpoint,
    spoken:
      spoken === undefined
        ? null
        : { characters: spoken.characters, isTruncated: spoken.isTruncated },
  };
}

function restored(
  requestId: string,
  { tenantId, request, trace, endpoint, spoken }: About,
  requestText: string,
  answerText: string,
): ToJudge | undefined {
  const asked: unknown = JSON.parse(requestText);
  const value: JsonObject = isJsonObject(asked) ? asked : {}; // It was an object when it came.
  const said = answerSaid(endpoint, {
    request: { value },
    ...(spoken === null
      ? { answerBytes: Buffer.from(answerText) }
      : { spoken: { ...spoken, text: answerText } }),
  });
  if (said === undefined) return undefined;
  return { requestId, tenantId, request, trace, asked: askedText(endpoint, value), said };
}
