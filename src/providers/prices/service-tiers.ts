import type { TierRatio } from "./price.ts";

/**
 * What the vendors charge at other tiers than the standard one, as a part or a multiple of the list price. A tier that
 * is not here is charged as the standard one, and the cost counts as an estimate.
 */
export function tiersOf(vendor: string, model: string): ReadonlyMap<string, TierRatio> {
  switch (vendor) {
    case "openai":
    case "azure":
      return openAiTiers(model);
    case "anthropic":
      return anthropicTiers(model);
    case "google":
      return googleTiers(model);
    case "groq":
      return groqTiers;
    default:
      return none;
  }
}

const none: ReadonlyMap<string, TierRatio> = new Map();

const times = (numerator: number, denominator = 1): TierRatio => ({
  numerator,
  denominator,
  isExact: true,
});
const half = times(1, 2);

/**
 * Flex and batch are half of everything; priority, called "fast" since July 2026, is a ratio that input, cached input
 * and output share. (https://developers.openai.com/api/docs/pricing, https://openai.com/api-fast-mode/,
 * https://openai.com/api-priority-processing/, read 2026-11-21)
 */
function openAiTiers(model: string): ReadonlyMap<string, TierRatio> {
  const name = model.toLowerCase();
  const fast = openAiFast.get(name) ?? openAiFast.get(name.replace(datePattern, ""));
  return new Map([
    ["flex", half],
    ["batch", half],
    ...(fast === undefined
      ? []
      : ([["priority", fast] as const, ["fast", fast] as const] as const)),
    ...(/^gpt-6-astra/.test(name) ? ([["ultrafast", times(6)] as const] as const) : []),
  ]);
}

const datePattern = /-\d{4}-\d{2}-\d{2}$/;
const shortOnly = (ratio: TierRatio): TierRatio => ({ ...ratio, isForShortPromptsOnly: true });

const openAiFast: ReadonlyMap<string, TierRatio> = new Map([
  ["gpt-6-astra", times(2)],
  ["gpt-6-sol", times(2)],
  ["gpt-6-luna", times(2)],
  ["gpt-6.1-sol", times(2)],
  ["gpt-5.6-sol", times(2)],
  ["gpt-5.6-terra", times(2)],
  ["gpt-5.6-luna", times(2)],
  ["gpt-5.5", shortOnly(times(5, 2))], // 12.50 for 5.00, 75.00 for 30.00
  ["gpt-5.4", shortOnly(times(2))],
  ["gpt-5.4-mini", times(2)],
  ["gpt-5.2", times(2)],
  ["gpt-5.1", times(2)],
  ["gpt-5.1-codex", times(2)],
  ["gpt-5", times(2)],
  ["gpt-5-codex", times(2)],
  ["gpt-5-mini", times(9, 5)], // 0.45 for 0.25, 3.60 for 2.00
  ["gpt-4.1", times(7, 4)], // 3.50 for 2.00, 14.00 for 8.00
  ["gpt-4.1-mini", times(7, 4)],
  ["gpt-4.1-nano", times(2)],
  ["gpt-4o", times(17, 10)], // 4.25 for 2.50, 17.00 for 10.00
  ["gpt-4o-2024-05-13", times(7, 4)], // 8.75 for 5.00, 26.25 for 15.00
  ["gpt-4o-mini", times(5, 3)], // 0.25 for 0.15, 1.00 for 0.60
  ["o3", times(7, 4)],
  ["o4-mini", times(20, 11)], // 2.00 for 1.10, 8.00 for 4.40
]);

/**
 * Batch is half; inference in the US only is 1.1 times; fast mode is a multiple for each model. Priority is capacity
 * that was bought before, so that its price is the customer's own.
 * (https://platform.claude.com/docs/en/about-claude/pricing, read 2026-11-21)
 */
function anthropicTiers(model: string): ReadonlyMap<string, TierRatio> {
  const fast = anthropicFast.find(([pattern]) => pattern.test(model))?.[1];
  return new Map([
    ["batch", half],
    ["us", times(11, 10)],
    ...(fast === undefined ? [] : ([["fast", fast]] as const)),
  ]);
}

const anthropicFast: readonly (readonly [RegExp, TierRatio])[] = [
  [/^claude-opus-4[-.][67](?!\d)/i, times(6)],
  [/^claude-opus-4[-.]8(?!\d)/i, times(2)],
  [/^claude-opus-5(?:-\d{8})?$/i, times(2)],
];

/**
 * Flex and batch are half; priority is 1.8 times where a model's page says so, and "75 to 100 % more" in general.
 * (https://ai.google.dev/gemini-api/docs/pricing, https://ai.google.dev/gemini-api/docs/optimization, read 2026-11-21)
 */
function googleTiers(model: string): ReadonlyMap<string, TierRatio> {
  const isStated = /^gemini-3\.[78]-flash/i.test(model);
  return new Map([
    ["flex", half],
    ["batch", half],
    ["priority", { ...times(9, 5), isExact: isStated }],
  ]);
}

/** Flex costs what on-demand costs, and is refused sooner. (https://console.groq.com/docs/flex-processing, read 2026-11-21) */
const groqTiers: ReadonlyMap<string, TierRatio> = new Map([
  ["flex", times(1)],
  ["batch", half],
]);
