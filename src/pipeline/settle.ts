import type { Clock } from "../lib/clock.ts";
import type { Exchange, Outcome } from "./exchange.ts";

/** Ends an exchange. Only the first call counts: however many steps see an end, it happened once. */
export type Settle = (exchange: Exchange, outcome: Outcome) => void;

/** Where ended exchanges go. */
export interface ExchangeSink {
  /** Called once per exchange, before the answer's last byte leaves. Must not throw and must not wait. */
  record(exchange: Exchange): void;
}

/** The sinks hear of it in their order. */
export const createSettle =
  (sinks: readonly ExchangeSink[], clock: Clock): Settle =>
  (exchange, outcome) => {
    if (exchange.end !== undefined) return;
    exchange.end = { outcome, tickMs: clock.tickMs() };
    for (const sink of sinks) sink.record(exchange);
  };
