import type { Attempt } from "../providers/provider.ts";
import type { Exchange } from "./exchange.ts";

/** Whether the attempt is the one that an exchange's end speaks of. */
export const isServing = ({ attempts, isStream }: Exchange, attempt: Attempt): boolean =>
  isStream && attempt.errorKind === undefined && attempts.at(-1) === attempt;

/** When it was over: a stream that was served when its last event had gone by. */
export function attemptEndTickMs(exchange: Exchange, attempt: Attempt): number {
  const endedTickMs = exchange.end?.tickMs ?? attempt.startedTickMs;
  if (isServing(exchange, attempt)) return endedTickMs;
  return attempt.answeredTickMs ?? endedTickMs;
}
