import type { JsonText } from "../../lib/json-text.ts";

/**
 * The tier that a request asks for, where it costs more than the standard one: what is reserved must do for it. For
 * one that costs less the standard price is reserved, as the provider need not grant it.
 */
export function dearerTier({ value }: Pick<JsonText, "value">): string | undefined {
  const { service_tier: tier, speed } = value;
  if (typeof speed === "string" && dearerTiers.has(speed)) return speed;
  return typeof tier === "string" && dearerTiers.has(tier) ? tier : undefined;
}

/** OpenAI's and Google's `service_tier`, and Anthropic's `speed`. `prices/service-tiers.ts` has their sources. */
const dearerTiers: ReadonlySet<string> = new Set(["priority", "fast", "ultrafast"]);
