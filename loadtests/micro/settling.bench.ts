/**
 * What it costs a request that it is counted, logged and not traced, when it is settled: each by itself and all together,
 * in turns, in one process. Lines are gathered as those of the gateway are, and written to where nothing is kept; at once,
 * because a loop without an end gives nothing else its turn.
 *
 *     node loadtests/micro/settling.bench.ts
 */
import { pino } from "pino";

import { exchangeLog } from "../../src/http/middleware/access-log.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { BudgetGauges } from "../../src/pipeline/metrics/budget-gauges.ts";
import { exchangeMetrics } from "../../src/pipeline/metrics/exchange-metrics.ts";
import { RunningExchanges } from "../../src/pipeline/metrics/running-exchanges.ts";
import { exchangeSpans } from "../../src/pipeline/tracing/exchange-spans.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { tracingOn } from "../../src/telemetry/tracing/begin-trace.ts";
import { samplerOf } from "../../src/telemetry/tracing/sampler.ts";
import { settledExchange } from "./settled-exchange.ts";
import { inTurns, printFigures } from "./turns.ts";

const turns = { operations: 100_000, rounds: 9 };

const onError = (error: unknown): never => {
  throw error;
};
const metrics = createMetrics({ version: "0", onCollectFailure: onError });
metrics.caps.model.of("fast");
const running = new RunningExchanges();
const counting = exchangeMetrics({ metrics, running, budgets: new BudgetGauges(100), onError });
const destination = pino.destination({
  dest: "/dev/null",
  sync: true,
  minLength: 48 * 1_024,
  maxWrite: 64 * 1_024,
});
const logging = exchangeLog(pino({ base: null }, destination));
const begin = tracingOn(samplerOf({ name: "parentbased_always_off", ratio: 0 }));
const tracing = exchangeSpans({ spans: { add: onError }, clock: systemClock, onError });

const exchange = settledExchange(undefined);
const headers = { host: "gateway", "content-type": "application/json" };
const untraced = settledExchange(begin(headers));

const figures = inTurns(
  {
    "nothing (the loop itself)": () => undefined,
    metrics: () => {
      running.add(exchange);
      counting.record(exchange);
    },
    log: () => {
      logging.record(exchange);
    },
    "metrics and log": () => {
      running.add(exchange);
      counting.record(exchange);
      logging.record(exchange);
    },
    "tracing, unsampled": () => {
      begin(headers);
      tracing.record(untraced);
    },
  },
  turns,
);
printFigures(figures, turns, "µs");
