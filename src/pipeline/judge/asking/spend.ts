import type { JudgeSpend } from "./verdict.ts";

/** What one call came to. */
export type CallSpend = Omit<JudgeSpend, "calls">;

/** Adds up what judging costs, while it goes on. */
export interface SpendMeter {
  readonly noteCall: () => void;
  readonly add: (spend: CallSpend) => void;
  readonly total: () => JudgeSpend;
}

export function spendMeter(): SpendMeter {
  const sum = { calls: 0, nanoUsd: 0, inputTokens: 0, outputTokens: 0 };
  return {
    noteCall: () => {
      sum.calls += 1;
    },
    add: ({ nanoUsd, inputTokens, outputTokens }) => {
      sum.nanoUsd += nanoUsd;
      sum.inputTokens += inputTokens;
      sum.outputTokens += outputTokens;
    },
    total: () => ({ ...sum }),
  };
}
