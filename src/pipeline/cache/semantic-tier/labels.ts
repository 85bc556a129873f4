import { channelNames, type Channel } from "../channels.ts";
import type { SemanticPolicy } from "../semantic-policy.ts";

/** How many labels a policy has, in each channel and in all. */
export function labelsOf(
  policy: SemanticPolicy,
): Readonly<Record<Channel, number>> & { readonly all: number } {
  const { channels } = policy.toJSON();
  const counts = { CN: channels.CN.labels.length, CS: channels.CS.labels.length };
  return { ...counts, all: channelNames.reduce((sum, name) => sum + counts[name], 0) };
}
