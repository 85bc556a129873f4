/** Models of the mock provider that answer badly, so that what a gateway does about it can be measured. */
export type MockTrouble = "unavailable" | "silent" | "cut";

interface TroubledModel {
  readonly trouble: MockTrouble;
  /** 1: every call; 2: every second one. */
  readonly every: number;
}

export const troubledModels: Readonly<Record<string, TroubledModel>> = {
  /** 503, always and every second time. */
  "mock-fail": { trouble: "unavailable", every: 1 },
  "mock-fail-half": { trouble: "unavailable", every: 2 },
  /** Takes every second request and says nothing: a deadline has to end it. */
  "mock-silent-half": { trouble: "silent", every: 2 },
  /** Closes the connection without an answer, every second time. */
  "mock-cut-half": { trouble: "cut", every: 2 },
};

/** A model without troubles. */
export const soundModel = "mock-fast";

const counts = new Map<string, number>();

/** What is wrong with this call; undefined for nearly all of them. */
export function troubleOf(model: unknown): MockTrouble | undefined {
  if (typeof model !== "string") return undefined;
  const troubled = troubledModels[model];
  if (troubled === undefined) return undefined;
  const count = (counts.get(model) ?? 0) + 1;
  counts.set(model, count);
  return count % troubled.every === 0 ? troubled.trouble : undefined;
}
