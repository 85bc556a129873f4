/** A call as a client makes it. All that is to happen stands in its prompt, where the provider of the proof reads it. */
export interface Call {
  /** Unlike any other; the client's own request id. */
  readonly label: string;
  readonly kind: CallKind;
  readonly model: string;
  readonly isStream: boolean;
  /** What the provider says that it counted. */
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  /** Of a stream. */
  readonly pieces: number;
  /** Until the answer, and between the pieces of a stream. */
  readonly paceMs: number;
  /** When its client leaves; undefined: it stays. */
  readonly leavesAfterMs: number | undefined;
}

/**
 * `retried`: the first attempt fails; `refused`: the provider's 400; `failing`: every attempt fails; `broken`: the
 * stream breaks off; `left` and `drained`: the client goes, and the answer is cancelled or read on.
 */
export type CallKind = (typeof kinds)[number][0];

const kinds = [
  ["whole", 34],
  ["streamed", 30],
  ["left", 12],
  ["drained", 8],
  ["retried", 6],
  ["broken", 5],
  ["refused", 4],
  ["failing", 1],
] as const;

const kindsWeight = kinds.reduce((sum, [, weight]) => sum + weight, 0);

export function drawCall(random: () => number, label: string): Call {
  const kind = drawKind(random);
  const isStream =
    kind === "streamed" || kind === "broken" || (kind !== "refused" && random() < 0.5);
  const inputTokens = 1 + Math.floor(random() * 5_000);
  return {
    label,
    kind,
    model: kind === "drained" ? drainedModel : plainModel,
    isStream: kind === "whole" ? false : isStream,
    inputTokens,
    cachedTokens: Math.floor(random() * inputTokens),
    outputTokens: 1 + Math.floor(random() * 2_000),
    pieces: 2 + Math.floor(random() * 28),
    paceMs: 2 + Math.floor(random() * 40),
    leavesAfterMs: kind === "left" || kind === "drained" ? Math.floor(random() * 120) : undefined,
  };
}

function drawKind(random: () => number): CallKind {
  let at = random() * kindsWeight;
  for (const [kind, weight] of kinds) {
    at -= weight;
    if (at < 0) return kind;
  }
  return "whole";
}

const plainModel = "small";
const drainedModel = "read-on";

/** `sentinel.yaml`, which JSON is too. */
export const proofYaml = (providerUrl: string): string =>
  JSON.stringify({
    providers: {
      proof: {
        type: "openai-compatible",
        base_url: providerUrl,
        api_keys: ["sk-proof"],
        models: ["small", "probe"],
        // Broken calls are drawn by chance, and must not keep the others out.
        breaker: { consecutive_failures: 1_000, minimum_requests: 1_000 },
      },
    },
    models: {
      [drainedModel]: {
        on_disconnect: "drain",
        targets: [{ provider: "proof", model: "small" }],
      },
    },
    prices: {
      proof: {
        "*": {
          input_per_million_usd: "0.0375",
          cached_input_per_million_usd: "0.01875",
          output_per_million_usd: "0.15",
        },
      },
    },
  });

/** Worked out anew, from the prices above, in pico-dollars and rounded once. */
export function costOfCall(
  call: Pick<Call, "inputTokens" | "cachedTokens" | "outputTokens">,
): bigint {
  const freshTokens = call.inputTokens - call.cachedTokens;
  const picoUsd =
    BigInt(freshTokens) * 37_500n +
    BigInt(call.cachedTokens) * 18_750n +
    BigInt(call.outputTokens) * 150_000n;
  return (picoUsd + 500n) / 1_000n;
}
