import type { GatewayUnderLoad } from "./gateway-under-load.ts";
import type { LiveFigures } from "./live-figures.ts";
import type { Measured } from "./measured.ts";

/** One kind of load, what it is for, and what has to hold under it. */
export interface LoadScenario {
  readonly name: string;
  /** One line, for the list. */
  readonly summary: string;
  readonly defaults: LoadSize;
  /** What it asks, which must be the mock's unless somebody is ready to pay. */
  readonly modelsOf: (model: string) => readonly string[];
  readonly drive: (context: LoadContext) => Promise<Measured>;
  /** What has to be so, judged by what was measured. */
  readonly expect: (measured: Measured) => readonly Expectation[];
}

export interface LoadSize {
  readonly seconds: number;
  readonly connections: number;
  /** Requests a second of all connections together; undefined: as many as are answered. */
  readonly ratePerSecond?: number | undefined;
}

export interface LoadContext {
  readonly gateway: GatewayUnderLoad;
  readonly size: LoadSize;
  readonly model: string;
  /** What the progress line shows. */
  readonly live: LiveFigures;
  readonly signal: AbortSignal;
}

export interface Expectation {
  readonly says: string;
  readonly isMet: boolean;
}

/** What nearly every scenario expects. */
export const answersSomething = ({ answeredCount }: Measured): Expectation => ({
  says: "requests were answered",
  isMet: answeredCount > 0,
});
