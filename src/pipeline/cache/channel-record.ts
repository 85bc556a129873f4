import { z } from "zod";

import type { Interval } from "../../lib/statistics/interval.ts";
import { rateInterval } from "./error-bound.ts";
import {
  lowestSafeStep,
  scoreAtStep,
  stepOf,
  stepsMax,
  type ErrorLimit,
  type Step,
} from "./hit-threshold.ts";

/** A channel forgets its oldest label at this. */
const labelsMax = 5_000;

/** At this all counts of traffic are halved: what counts is their proportion, and that of late. */
const trafficMax = 20_000;

/** The audits by which a channel is stopped: the latest, so that a change shows soon. */
const auditsMax = 200;

/** A channel is stopped when its audits alone show with this confidence that the error is above the limit. */
const alarmConfidence = 0.99;

/** What is kept of a channel: each label as twice its step, plus one where it was "right". */
export const channelRecordSchema = z.strictObject({
  labels: z
    .array(
      z
        .int()
        .min(0)
        .max(stepsMax * 2),
    )
    .max(labelsMax),
  traffic: z.array(z.int().min(0).max(trafficMax)).max(stepsMax),
  audits: z.array(z.boolean()).max(auditsMax),
});
export type ChannelSnapshot = Readonly<z.infer<typeof channelRecordSchema>>;

/** The error of would-be hits among the latest audits. */
export interface AuditedError {
  readonly errors: number;
  readonly trials: number;
  /** Two-sided, 95 %. */
  readonly interval: Interval;
}

/** What one channel has seen, and the score from which up it may serve because of that. */
export class ChannelRecord {
  readonly #limit: ErrorLimit;
  readonly #steps: (Step | undefined)[] = Array.from({ length: stepsMax });
  /** In a ring: once full, `#oldest` is the next to be replaced. */
  readonly #labels: number[] = [];
  #oldest = 0;
  #audits: boolean[] = [];
  #traffic = 0;
  #safeStep: number | undefined;

  constructor(limit: ErrorLimit, snapshot?: ChannelSnapshot) {
    this.#limit = limit;
    if (snapshot === undefined) return;
    for (const label of snapshot.labels) this.#keep(label);
    for (const [step, traffic] of snapshot.traffic.entries()) {
      if (traffic === 0) continue;
      this.#at(step).traffic = traffic;
      this.#traffic += traffic;
    }
    this.#audits = [...snapshot.audits];
    this.#walk();
  }

  /** Undefined: nothing may be served. */
  get threshold(): number | undefined {
    return this.#safeStep === undefined ? undefined : scoreAtStep(this.#safeStep);
  }

  get labels(): number {
    return this.#labels.length;
  }

  get audited(): AuditedError {
    const trials = this.#audits.length;
    const errors = this.#audits.filter((isRight) => !isRight).length;
    const interval = trials === 0 ? { low: 0, high: 1 } : rateInterval({ errors, trials }, 0.95);
    return { errors, trials, interval };
  }

  isSafe(score: number): boolean {
    return this.#safeStep !== undefined && stepOf(score) >= this.#safeStep;
  }

  /** A request came with this score. */
  count(score: number): void {
    this.#at(stepOf(score)).traffic++;
    if (++this.#traffic < trafficMax) return;
    this.#traffic = 0;
    for (const step of this.#steps) {
      if (step === undefined) continue;
      step.traffic = Math.floor(step.traffic / 2);
      this.#traffic += step.traffic;
    }
  }

  /** Takes a label. True when the audits say that what was learnt no longer holds: then the channel begins anew. */
  observe(score: number, { isRight, isAudit }: { isRight: boolean; isAudit: boolean }): boolean {
    this.#keep(stepOf(score) * 2 + (isRight ? 1 : 0));
    if (isAudit) this.#audits.push(isRight);
    if (this.#audits.length > auditsMax) this.#audits.shift();
    if (this.#isAlarmed()) {
      this.#forget();
      return true;
    }
    this.#walk();
    return false;
  }

  toSnapshot(): ChannelSnapshot {
    return {
      labels: [...this.#labels.slice(this.#oldest), ...this.#labels.slice(0, this.#oldest)],
      traffic: this.#steps.map((step) => step?.traffic ?? 0),
      audits: [...this.#audits],
    };
  }

  #isAlarmed(): boolean {
    const { errors, trials } = this.audited;
    // The lower end of the two-sided interval of 98 % is the one-sided bound of 99 %.
    const twoSided = 2 * alarmConfidence - 1;
    return errors > 0 && rateInterval({ errors, trials }, twoSided).low > this.#limit.errorMax;
  }

  #forget(): void {
    this.#steps.fill(undefined);
    this.#labels.length = 0;
    this.#oldest = 0;
    this.#audits = [];
    this.#traffic = 0;
    this.#safeStep = undefined;
  }

  #walk(): void {
    this.#safeStep = lowestSafeStep(this.#steps, this.#limit);
  }

  #keep(label: number): void {
    this.#tally(label, 1);
    if (this.#labels.length < labelsMax) {
      this.#labels.push(label);
      return;
    }
    this.#tally(this.#labels[this.#oldest] ?? 0, -1);
    this.#labels[this.#oldest] = label;
    this.#oldest = (this.#oldest + 1) % labelsMax;
  }

  #tally(label: number, by: 1 | -1): void {
    const step = this.#at(Math.floor(label / 2));
    step.trials += by;
    if (label % 2 === 0) step.errors += by;
  }

  #at(index: number): Step {
    return (this.#steps[index] ??= { trials: 0, errors: 0, traffic: 0 });
  }
}
