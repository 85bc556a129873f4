import { Failure } from "../errors.ts";
import type { JsonObject } from "../lib/json-text.ts";
import type { QuoteOf } from "../pipeline/cost/account.ts";
import type { PossibleTarget } from "../pipeline/limits/admit.ts";
import { costOf } from "../providers/prices/quote.ts";
import type { CapRoom } from "./cap-room.ts";
import type { CapAmount, CapLimit, DayCaps } from "./day-caps.ts";

/** A call that is made if the day's caps have room for the most that it can cost. */
export interface CappedCall<Answer> {
  readonly body: JsonObject;
  readonly caps: readonly { readonly id: string; readonly limit: CapLimit }[];
  /** Whether a model whose price nobody knows is refused: a cap in US dollars could not count it. */
  readonly mustBePriced: boolean;
  /** Ends the wait for room. */
  readonly signal: AbortSignal;
  /** Makes the call; `used` hears what it came to, also of one that failed. Not told: nobody knows. */
  readonly ask: (used: (amount: CapAmount) => void) => Promise<Answer>;
}

export interface CappedAskDeps {
  readonly caps: DayCaps;
  /** What this process holds of them. */
  readonly room: CapRoom;
  readonly targetsOf: (model: string) => Promise<readonly PossibleTarget[]>;
  readonly quoteOf: QuoteOf;
  readonly nowMs: () => number;
  /** A provider has billed more than the request allowed: the cap may be exceeded by it. */
  readonly onOverrun: (used: CapAmount, reserved: CapAmount) => void;
  /** What was used and could not be written down: it stays reserved. */
  readonly onError: (error: unknown) => void;
}

/**
 * Reserves the most that the call can cost, makes it, and settles what it did cost. Throws `budget_exceeded` where a cap
 * has no room, also when the calls of this process that hold some are over, and `model_not_allowed` with the code
 * `unpriced_model`; nothing was asked then. What dies in between stays reserved, so that a cap is never exceeded.
 */
export async function askCapped<Answer>(
  call: CappedCall<Answer>,
  deps: CappedAskDeps,
): Promise<Answer> {
  const { caps, ask, signal } = call;
  const reserved = await worstCase(call, deps);
  const ids = caps.map(({ id }) => id);
  let day = "";
  const reserve = (): Promise<number | undefined> => {
    day = dayName(deps.nowMs());
    return deps.caps.reserve(day, caps, reserved);
  };
  if (!(await deps.room.take(ids, reserve, signal))) throw capReached();
  let used = reserved;
  try {
    return await ask((amount) => {
      used = amount;
    });
  } finally {
    const isOver = used.nanoUsd > reserved.nanoUsd || used.tokens > reserved.tokens;
    if (isOver) deps.onOverrun(used, reserved);
    await deps.caps.settle(day, ids, reserved, used).catch(deps.onError);
    deps.room.free(ids);
  }
}

/** A UTC day as `2026-11-21`. */
export const dayName = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 10);

/** What a provider puts around the messages. */
const templateTokens = 256;
/** Where the request does not say: more than any verdict. */
const outputTokensDefault = 4_096;

/** A token is a byte at least, and an answer ends where the request says. By the dearest of the model's targets. */
async function worstCase(
  { body, mustBePriced }: Pick<CappedCall<unknown>, "body" | "mustBePriced">,
  { targetsOf, quoteOf }: CappedAskDeps,
): Promise<CapAmount> {
  const { model, max_tokens: most = body["max_completion_tokens"], n = 1 } = body;
  const inputTokens = Buffer.byteLength(JSON.stringify(body)) + templateTokens;
  const outputTokens = Number(most ?? outputTokensDefault) * Number(n);
  const tokens = inputTokens + outputTokens;
  const usage = {
    inputTokens,
    outputTokens,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
  };
  let nanoUsd = 0;
  for (const target of await targetsOf(String(model))) {
    const quote = quoteOf(target.providerName, target.model);
    const cost = quote && costOf(quote, usage);
    if (cost === undefined && mustBePriced) throw unpriced(target);
    nanoUsd = Math.max(nanoUsd, cost?.nanoUsd ?? 0);
  }
  return { nanoUsd, tokens };
}

const capReached = (): Failure =>
  new Failure("budget_exceeded", "The day's cap on judging has no room for this call.");

const unpriced = ({ providerName, model }: PossibleTarget): Failure =>
  new Failure(
    "model_not_allowed",
    `The price of ${providerName}/${model} is not known, and a cap in US dollars could not count it. ` +
      "Set its price, or cap the judge by daily_tokens alone.",
    { param: "model", code: "unpriced_model" },
  );
