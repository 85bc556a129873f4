import type { JsonObject } from "../../lib/json-text.ts";
import { Lru } from "../../lib/lru.ts";
import type { Usage } from "../../protocol/usage.ts";
import { outputTokensMaxOf } from "../../providers/messages/request/output-limit.ts";
import type { Exchange } from "../exchange.ts";
import { promptSizeOf } from "./prompt-size.ts";
import { RecentCounts } from "./recent-counts.ts";

/** What a request is expected to use. */
export interface ExpectedTokens {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

type ReservationOf = Pick<
  Exchange,
  "caller" | "endpoint" | "model" | "request" | "requestBytes" | "route"
>;

/** At the bound what was learned longest ago of a tenant's model is forgotten: some 700 bytes each. */
const modelsMax = 10_000;

/** Until so many answers are known it is reckoned with the most that a request allows. */
const answersKnownMin = 30;

/** English and code, with the JSON around them: rather too many than too few. */
const tokensPerByteAtFirst = 0.25;

/** What one answer weighs against all before it. */
const newestWeight = 1 / 16;

/** Where neither the request nor its model says how long an answer may be: longer than nearly all are. */
const outputTokensIfNotLimited = 4_096;

/** A byte is a token at most; more was added by the provider (tools of its own, a stored conversation). */
const tokensPerByteMax = 1;

/**
 * Learns what each tenant's requests to each model come to, so that no more is reserved than is likely to be
 * used. Runs twice for each request; budget 1 µs together, for bodies without large files.
 */
export class Reservations {
  readonly #models = new Lru<string, Learned>(modelsMax);

  /** What to reserve. The output of 19 answers in 20 is within it, and what the request allows is never exceeded. */
  expect(exchange: ReservationOf): ExpectedTokens {
    const learned = this.#models.get(keyOf(exchange));
    const { textBytes, otherTokens } = promptSizeOf(exchange);
    const tokensPerByte = learned?.tokensPerByte ?? tokensPerByteAtFirst;
    return {
      inputTokens: Math.max(1, Math.ceil(textBytes * tokensPerByte) + otherTokens),
      outputTokens: outputTokens(exchange, learned),
    };
  }

  /** From an answer that came to its end and was counted by its provider. */
  learn(exchange: ReservationOf, { inputTokens, outputTokens }: Usage): void {
    const key = keyOf(exchange);
    let learned = this.#models.get(key);
    if (learned === undefined) {
      learned = { tokensPerByte: undefined, outputs: new RecentCounts() };
      this.#models.set(key, learned);
    }
    if (writesText(exchange)) learned.outputs.add(outputTokens);
    if (hasUnseenInput(exchange.request.value)) return;
    const { textBytes, otherTokens } = promptSizeOf(exchange);
    const ratio = Math.max(0, inputTokens - otherTokens) / Math.max(1, textBytes);
    const newest = Math.min(tokensPerByteMax, ratio);
    const known = learned.tokensPerByte ?? newest;
    learned.tokensPerByte = known + (newest - known) * newestWeight;
  }
}

interface Learned {
  tokensPerByte: number | undefined;
  readonly outputs: RecentCounts;
}

const keyOf = ({ caller, model }: ReservationOf): string => `${caller.tenantId}\n${model}`;

function outputTokens(exchange: ReservationOf, learned: Learned | undefined): number {
  if (!writesText(exchange)) return 0;
  const { value } = exchange.request;
  const answers = answersOf(value);
  const allowed = tokensAllowed(value);
  if (learned === undefined || learned.outputs.count < answersKnownMin) {
    return Math.min(tokensMax, (allowed ?? ownLimit(exchange)) * answers);
  }
  const usual = learned.outputs.percentile95;
  return allowed === undefined ? usual : Math.min(usual, allowed * answers);
}

/** The most that any of the models that may answer can write at once. */
function ownLimit({ model, route }: ReservationOf): number {
  let most = 0;
  for (const name of route?.candidates ?? [model]) {
    const limit = outputTokensMaxOf(name);
    most = Math.max(most, Number.isFinite(limit) ? limit : outputTokensIfNotLimited);
  }
  return most === 0 ? outputTokensIfNotLimited : most;
}

function writesText({ endpoint }: ReservationOf): boolean {
  return endpoint !== "embeddings" && endpoint !== "moderations" && endpoint !== "count_tokens";
}

/** The provider has more of the conversation than the request shows. */
const hasUnseenInput = (request: JsonObject): boolean =>
  request["previous_response_id"] != null || request["conversation"] != null;

/** More than this nobody writes, whatever the request says; times any price it is still an exact number. */
const tokensMax = 10_000_000;

/** The most that each answer may have, in the words of the three vendors. */
function tokensAllowed(request: JsonObject): number | undefined {
  return (
    countIn(request["max_completion_tokens"]) ??
    countIn(request["max_tokens"]) ??
    countIn(request["max_output_tokens"])
  );
}

/** `best_of` are all written, and `n` of them are shown. */
function answersOf(request: JsonObject): number {
  return Math.max(1, countIn(request["n"]) ?? 1, countIn(request["best_of"]) ?? 1);
}

function countIn(value: unknown): number | undefined {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) return undefined;
  return Math.min(value, tokensMax);
}
