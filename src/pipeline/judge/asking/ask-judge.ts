import { toFailure } from "../../../errors.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { callFailure, gaveUp } from "./call-failure.ts";
import type { Failed } from "./call-failure.ts";
import { refusedPart, withoutRefused } from "./model-limits.ts";
import type { Dispensable, ModelLimits } from "./model-limits.ts";
import type { CallSpend, SpendMeter } from "./spend.ts";

/** Sends a chat and resolves to its completion (`value`), or rejects with the `Failure` that a client would get. */
export type Ask = (asked: {
  readonly body: JsonObject;
  readonly signal: AbortSignal;
  /** To be told what the call came to, once, also where it failed; not told: it cost nothing. */
  readonly noteSpend: (spend: CallSpend) => void;
}) => Promise<{ readonly value: JsonObject }>;

export interface AskTools {
  readonly ask: Ask;
  readonly limits: ModelLimits;
  readonly meter: SpendMeter;
  readonly signal: AbortSignal;
}

export type AskedJudge = { readonly kind: "completion"; readonly value: JsonObject } | Failed;

/**
 * Asks the judge model. What the model does not take and a judge can do without is left out, each once, and from then on
 * if the model answered without it. Never rejects.
 */
export async function askJudge(
  model: string,
  body: JsonObject,
  { ask, limits, meter, signal }: AskTools,
): Promise<AskedJudge> {
  const refused = new Set<Dispensable>(limits.get(model));
  const knownCount = refused.size;
  // Every turn but the last leaves one more part out: there are no more turns than parts, and one.
  for (;;) {
    if (isOver(signal)) return gaveUp;
    const sent = withoutRefused(body, refused);
    try {
      meter.noteCall();
      const { value } = await ask({ body: sent, signal, noteSpend: meter.add });
      if (refused.size > knownCount) limits.set(model, refused);
      return { kind: "completion", value };
    } catch (thrown) {
      const part = refusedPart(toFailure(thrown), sent);
      if (part === undefined) return isOver(signal) ? gaveUp : callFailure(thrown);
      refused.add(part);
    }
  }
}

/** It may be from one line to the next. */
const isOver = ({ aborted }: AbortSignal): boolean => aborted;
