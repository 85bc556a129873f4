/** One way to load a gateway. */
export interface Scenario {
  readonly name: string;
  /** What one CPU figure is for: "request" or "stream". */
  readonly unit: string;
  /** Whether times mean "more than the mock provider alone takes under the same load". */
  readonly times: "absolute" | "added";
  /** Whether the target is meant to be the bottleneck, so that an idle core casts doubt on its figure. */
  readonly load: "saturating" | "partial";
  readonly drive: (origin: string, seconds: number) => Promise<Driven>;
}

/** What a driver saw in one run. */
export interface Driven {
  readonly completedCount: number;
  /** Errors, other statuses than 200 and streams without an end. */
  readonly failedCount: number;
  readonly elapsedMs: number;
  readonly timings: readonly Timing[];
  /** Reads per stream: tells whether a target gathers chunks instead of passing each on. */
  readonly chunksPerStream?: number;
}

export interface Timing {
  /** For example "answer" or "first token". */
  readonly name: string;
  readonly eachMs: readonly number[];
}
