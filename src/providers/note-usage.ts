import type { Usage } from "../protocol/usage.ts";
import type { ProviderCall } from "./provider.ts";

/** Notes with the attempt under way what it used, for the case that its answer cannot be passed on: it is paid for. */
export function noteUsage(
  { attempts }: Pick<ProviderCall, "attempts">,
  usage: Usage | undefined,
): void {
  const attempt = attempts.at(-1);
  if (attempt !== undefined && usage !== undefined) attempt.usage = usage;
}
