/** What a token of the judge costs, in nano-dollars. */
const inputNanoUsd = 1_000n;
const outputNanoUsd = 4_000n;

export interface JudgeUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Less than the bytes of the shortest prompt, so that no call costs more than was reserved for it. */
const inputTokensEach = 1_500;

/** A usage of its own for each answer of the judge: whoever finds it in the accounts knows which answer it was. */
export const usageOf = (serial: number): JudgeUsage => ({
  inputTokens: 500 + (serial % inputTokensEach),
  outputTokens: 1 + Math.floor(serial / inputTokensEach),
});

export const serialOf = ({ inputTokens, outputTokens }: JudgeUsage): number =>
  inputTokens - 500 + (outputTokens - 1) * inputTokensEach;

export const costOf = ({ inputTokens, outputTokens }: JudgeUsage): bigint =>
  BigInt(inputTokens) * inputNanoUsd + BigInt(outputTokens) * outputNanoUsd;

export const answeringModel = "m";
export const judgeModel = "the-judge";

/** `sentinel.yaml`, which JSON is too. Nothing is tried again on the way: what fails, the job tries again. */
export const judgeProofYaml = (providerUrl: string): string =>
  JSON.stringify({
    providers: {
      proof: {
        type: "openai-compatible",
        base_url: providerUrl,
        api_keys: ["sk-proof"],
        models: [answeringModel, judgeModel],
        // Failures are part of the proof, and must not keep the others out.
        breaker: { consecutive_failures: 1_000, minimum_requests: 1_000 },
      },
    },
    defaults: { retries: 0 },
    prices: {
      proof: {
        [answeringModel]: { input_per_million_usd: "0.1", output_per_million_usd: "0.4" },
        [judgeModel]: { input_per_million_usd: "1", output_per_million_usd: "4" },
      },
    },
  });
