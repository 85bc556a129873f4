import type { Usage } from "../../protocol/usage.ts";
import type { Price, PriceStep } from "./price.ts";

/** What is to be paid for, and at which price each. */
export interface Charges {
  /** Each token once: how many, and what one of them costs. */
  readonly tokens: readonly Charge[];
  /** What is charged by the piece and is the same at every tier. */
  readonly pieces: readonly Charge[];
  readonly step: PriceStep;
  /** No count had to be corrected, and no price stands in for another. */
  readonly isExact: boolean;
}

export interface Charge {
  readonly count: number;
  readonly picoUsd: number;
}

/**
 * Divides what was used into what is charged alike. Counts that contradict each other (more cached than there was
 * input) are cut to what fits, so that no amount is negative and no token is paid for twice; the cost is then an
 * estimate. Undefined if the price says nothing of what was used. Runs a few times per request; budget 1 µs.
 */
export function chargesOf(price: Price, usage: Usage): Charges | undefined {
  const step = stepFor(price, whole(usage.inputTokens));
  const tally = new Tally();
  addInput(tally, step, usage);
  if (!addOutput(tally, step, usage)) return undefined;
  const { requestPicoUsd, webSearchPicoUsd } = price;
  const searches = whole(usage.webSearches);
  const pieces: Charge[] = [];
  if (requestPicoUsd > 0) pieces.push({ count: 1, picoUsd: requestPicoUsd });
  if (searches > 0) pieces.push({ count: searches, picoUsd: webSearchPicoUsd ?? 0 });
  const isUnknownFee =
    (searches > 0 && webSearchPicoUsd === undefined) || usage.hasOtherCharges === true;
  return { tokens: tally.charges, pieces, step, isExact: tally.isExact && !isUnknownFee };
}

function addInput(tally: Tally, step: PriceStep, usage: Usage): void {
  const { inputPicoUsd, cachedInputPicoUsd } = step;
  const cached = whole(usage.cachedInputTokens);
  const cachedAudio = whole(usage.cachedAudioTokens);
  const writes = whole(usage.cacheWriteTokens);
  const writes1h = whole(usage.cacheWrite1hTokens);
  const audio = whole(usage.inputAudioTokens);
  tally.open(whole(usage.inputTokens));
  tally.take(Math.min(cachedAudio, cached), step.cachedAudioPicoUsd, cachedInputPicoUsd);
  tally.take(tally.less(cached, cachedAudio), cachedInputPicoUsd);
  tally.take(Math.min(writes1h, writes), step.cacheWrite1hPicoUsd);
  tally.take(tally.less(writes, writes1h), step.cacheWritePicoUsd);
  tally.take(tally.less(audio, cachedAudio), step.inputAudioPicoUsd, inputPicoUsd);
  tally.takeRest(inputPicoUsd);
}

/** False if there is output and no price for it. */
function addOutput(tally: Tally, step: PriceStep, usage: Usage): boolean {
  const output = whole(usage.outputTokens);
  if (output === 0) return true;
  const { outputPicoUsd } = step;
  if (outputPicoUsd === undefined) return false;
  tally.open(output);
  tally.take(whole(usage.outputImageTokens), step.outputImagePicoUsd, outputPicoUsd);
  tally.take(whole(usage.outputAudioTokens), step.outputAudioPicoUsd, outputPicoUsd);
  tally.take(whole(usage.reasoningTokens), step.reasoningPicoUsd, outputPicoUsd);
  tally.takeRest(outputPicoUsd);
  return true;
}

function stepFor({ steps }: Price, inputTokens: number): PriceStep {
  for (let index = steps.length - 1; index > 0; index--) {
    const step = steps[index];
    if (step !== undefined && inputTokens > step.aboveInputTokens) return step;
  }
  return steps[0];
}

/** Adapters let nothing else through; a count that is none counts as none. */
function whole(count: number | undefined): number {
  return count !== undefined && Number.isSafeInteger(count) && count > 0 ? count : 0;
}

/** Hands out tokens of which there are only so many. */
class Tally {
  readonly charges: Charge[] = [];
  isExact = true;
  #left = 0;

  open(tokens: number): void {
    this.#left = tokens;
  }

  /** `otherwise` is the price that stands in where there is none of its own. */
  take(wanted: number, picoUsd: number | undefined, otherwise = 0): void {
    if (wanted === 0) return;
    const count = Math.min(wanted, this.#left);
    if (count < wanted || picoUsd === undefined) this.isExact = false;
    this.#left -= count;
    if (count > 0) this.charges.push({ count, picoUsd: picoUsd ?? otherwise });
  }

  takeRest(picoUsd: number): void {
    if (this.#left > 0) this.charges.push({ count: this.#left, picoUsd });
    this.#left = 0;
  }

  /** What is left of the whole when a part of it is told apart. */
  less(all: number, part: number): number {
    if (part > all) this.isExact = false;
    return Math.max(0, all - part);
  }
}
