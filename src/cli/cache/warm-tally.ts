import { usdText } from "../../lib/usd.ts";
import type { Failed } from "./refusal.ts";
import type { Answered } from "./send-warm.ts";

/** What became of a line that was not blank. */
export type LineOutcome =
  | Answered
  /** Not sent: it is no request that the gateway would take. */
  | { readonly kind: "problem"; readonly problem: string }
  | { readonly kind: "uncacheable"; readonly reason: string }
  | Failed;

export interface ListedFailure {
  readonly line: number;
  /** The end of a sentence about the line. */
  readonly what: string;
  readonly failed: Failed | undefined;
}

/** So many failures are kept for the list in JSON; the others are only counted. */
const listedMax = 1_000;

/** Sums of what a run came to. */
export class WarmTally {
  lines = 0;
  stored = 0;
  exact = 0;
  semantic = 0;
  /** Sent, and gone past the cache. */
  bypassed = 0;
  /** Not sent, as their answers would not have been kept. */
  uncacheable = 0;
  failed = 0;
  /** Answered at a cost that the gateway did not tell. */
  costUnknown = 0;
  estimated = 0;
  unpriced = 0;
  #nanoUsd = 0n;
  readonly #failures: ListedFailure[] = [];

  get nanoUsd(): bigint {
    return this.#nanoUsd;
  }

  get answered(): number {
    return this.stored + this.exact + this.semantic + this.bypassed;
  }

  get failures(): readonly ListedFailure[] {
    return this.#failures;
  }

  /** Returns the failure, if it was one. */
  add(line: number, outcome: LineOutcome): ListedFailure | undefined {
    this.lines++;
    switch (outcome.kind) {
      case "answered":
        this.#addAnswer(outcome);
        return undefined;
      case "uncacheable":
        this.uncacheable++;
        return undefined;
      case "problem":
        return this.#addFailure({ line, what: outcome.problem, failed: undefined });
      case "failed":
        return this.#addFailure({ line, what: failedText(outcome), failed: outcome });
    }
  }

  #addAnswer({ cache, cost }: Answered): void {
    this[cache === "miss" ? "stored" : cache === "bypass" ? "bypassed" : cache]++;
    if (cost === undefined) {
      // A hit costs nothing, whether that is said or not.
      if (cache === "miss" || cache === "bypass") this.costUnknown++;
      return;
    }
    this.#nanoUsd += BigInt(cost.nanoUsd);
    if (cost.status === "estimated") this.estimated++;
    if (cost.status === "unpriced") this.unpriced++;
  }

  #addFailure(failure: ListedFailure): ListedFailure {
    this.failed++;
    if (this.#failures.length < listedMax) this.#failures.push(failure);
    return failure;
  }

  toJSON(): Readonly<Record<string, unknown>> {
    return {
      lines: this.lines,
      stored: this.stored,
      already_there: { exact: this.exact, semantic: this.semantic },
      not_cacheable: { sent: this.bypassed, not_sent: this.uncacheable },
      failed: this.failed,
      cost_usd: usdText(this.nanoUsd),
      cost_estimated: this.estimated,
      cost_unpriced: this.unpriced,
      cost_unknown: this.costUnknown,
      failures: this.failures.map(failureJson),
    };
  }
}

/** `failed with 404 model_not_found (param model, request 01K…)`. */
function failedText({ status, code, param, requestId }: Failed): string {
  const more = [
    ...(param === undefined ? [] : [`param ${param}`]),
    ...(requestId === undefined ? [] : [`request ${requestId}`]),
  ].join(", ");
  const result = status === undefined ? code : `${status} ${code}`;
  return `failed with ${result}${more === "" ? "" : ` (${more})`}`;
}

function failureJson({ line, what, failed }: ListedFailure): Readonly<Record<string, unknown>> {
  if (failed === undefined) return { line, problem: what };
  const { status, code, param, requestId } = failed;
  return {
    line,
    status: status ?? null,
    code,
    param: param ?? null,
    request_id: requestId ?? null,
  };
}
