import type { UsageParts } from "./mock-answers.ts";

/** How a model of the demo's providers behaves. */
export interface MockModel {
  /** Until the first piece of an answer; between two pieces of a stream. */
  readonly firstMs: number;
  readonly gapMs: number;
  readonly usage: UsageParts;
  readonly trouble?: Trouble;
}

/** What goes wrong, and with which of its calls: `x` for those, over and over, so that a short demo has its share as well. */
export interface Trouble {
  readonly kind: "fails" | "hangs" | "is-cut" | "is-busy" | "refuses";
  readonly calls: string;
}

const small = { input: 42, output: 24 } as const;

/** What each of the demo's providers has, by its name for it. */
export const mockModels: Readonly<Record<string, MockModel>> = {
  "atlas-large": { firstMs: 180, gapMs: 12, usage: { input: 310, output: 60, cached: 128 } },
  "atlas-mini": { firstMs: 60, gapMs: 6, usage: small },
  "atlas-reasoning": {
    firstMs: 600,
    gapMs: 15,
    usage: { input: 120, output: 480, reasoning: 420 },
  },
  "atlas-costly": { firstMs: 20, gapMs: 1, usage: { input: 10, output: 31_000 } },
  "atlas-support": { firstMs: 70, gapMs: 5, usage: { input: 64, output: 36 } },
  "atlas-judge": { firstMs: 15, gapMs: 1, usage: { input: 260, output: 1 } },
  "atlas-critic": { firstMs: 60, gapMs: 2, usage: { input: 1_150, output: 70 } },
  "atlas-embed": { firstMs: 12, gapMs: 1, usage: small },
  "borealis-chat": { firstMs: 320, gapMs: 18, usage: { input: 300, output: 75 } },
  "borealis-mini": { firstMs: 90, gapMs: 8, usage: small },
  "cirrus-unsteady": {
    firstMs: 40,
    gapMs: 5,
    usage: small,
    trouble: { kind: "fails", calls: "xx....x..." },
  },
  "cirrus-slow": {
    firstMs: 50,
    gapMs: 5,
    usage: small,
    trouble: { kind: "hangs", calls: "xx.x." },
  },
  "cirrus-cut": { firstMs: 40, gapMs: 5, usage: small, trouble: { kind: "is-cut", calls: "x." } },
  "cirrus-busy": { firstMs: 30, gapMs: 5, usage: small, trouble: { kind: "is-busy", calls: "x." } },
  "cirrus-down": { firstMs: 5, gapMs: 5, usage: small, trouble: { kind: "fails", calls: "x" } },
  "cirrus-strict": {
    firstMs: 20,
    gapMs: 5,
    usage: small,
    trouble: { kind: "refuses", calls: "x" },
  },
  "dormant-chat": { firstMs: 20, gapMs: 5, usage: small },
};

/** The keys that the demo's providers know. Any other is refused. */
export const goodKeys: ReadonlySet<string> = new Set([
  "demo-key-of-atlas",
  "demo-key-of-borealis",
  "demo-key-of-cirrus",
]);
