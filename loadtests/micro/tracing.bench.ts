/**
 * What tracing costs a request: to begin its trace and, when it is settled, to write its spans; and for how long a batch
 * that goes to the collector keeps the process from its work. In turns, in one process.
 *
 *     node loadtests/micro/tracing.bench.ts
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";

import { systemClock } from "../../src/lib/clock.ts";
import { exchangeSpans } from "../../src/pipeline/tracing/exchange-spans.ts";
import { tracingOff, tracingOn } from "../../src/telemetry/tracing/begin-trace.ts";
import { samplerOf } from "../../src/telemetry/tracing/sampler.ts";
import { batchSpansMax } from "../../src/telemetry/tracing/span-queue.ts";
import { writeSpan } from "../../src/telemetry/tracing/span.ts";
import type { ReadableSpan } from "../../src/telemetry/tracing/span.ts";
import { settledExchange } from "./settled-exchange.ts";
import { inTurns, printFigures } from "./turns.ts";

const turns = { operations: 200_000, rounds: 7 };

const origin = {
  resource: resourceFromAttributes({ "service.name": "sentinel" }),
  instrumentationScope: { name: "sentinel", version: "0" },
};
let written: ReadableSpan[] = [];
const sink = exchangeSpans({
  spans: {
    add: (trace, facts) => {
      if (written.length >= batchSpansMax) written = [];
      written.push(writeSpan(trace, facts, origin));
    },
  },
  clock: systemClock,
  onError: (error) => {
    throw error;
  },
});

const always = tracingOn(samplerOf({ name: "parentbased_always_on", ratio: 1 }));
const never = tracingOn(samplerOf({ name: "parentbased_always_off", ratio: 1 }));
const tenth = tracingOn(samplerOf({ name: "parentbased_traceidratio", ratio: 0 }));
const noHeaders = { host: "gateway", "content-type": "application/json" };
const ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
const sampledHeaders = { ...noHeaders, traceparent: `00-${ids}-01` };
const unsampledHeaders = { ...noHeaders, traceparent: `00-${ids}-00` };
const sampled = settledExchange(always(sampledHeaders));
const unsampled = settledExchange(never(noHeaders));

const cases: Record<string, () => void> = {
  "nothing (the loop itself)": () => undefined,
  "begin: off, no traceparent": () => void tracingOff(noHeaders),
  "begin: off, traceparent": () => void tracingOff(sampledHeaders),
  "begin: unsampled, no traceparent": () => void never(noHeaders),
  "begin: unsampled by ratio": () => void tenth(noHeaders),
  "begin: unsampled, traceparent": () => void always(unsampledHeaders),
  "begin: sampled, traceparent": () => void always(sampledHeaders),
  "settle: unsampled": () => {
    sink.record(unsampled);
  },
  "begin and settle: unsampled": () => {
    never(noHeaders);
    sink.record(unsampled);
  },
  "settle: sampled, 2 spans": () => {
    sink.record(sampled);
  },
  "begin and settle: sampled": () => {
    always(sampledHeaders);
    sink.record(sampled);
  },
};

const measured = inTurns(cases, turns);

/** The exporter writes the batch before it returns; the rest is the system's. */
async function exportMs(exporter: Pick<JsonExporter, "export">, spans: number): Promise<number> {
  const batch = Array.from({ length: spans }, (_, at) => written[at % written.length]);
  const startMs = performance.now();
  let blockedMs = 0;
  await new Promise<void>((resolve, reject) => {
    exporter.export(
      batch.filter((span) => span !== undefined),
      ({ error }) => {
        if (error === undefined) resolve();
        else reject(error);
      },
    );
    blockedMs = performance.now() - startMs;
  });
  return blockedMs;
}

const server = createServer((incoming, outgoing) => {
  incoming.resume().once("end", () => outgoing.end("{}"));
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
const json = new JsonExporter({ url });
const protobuf = new ProtobufExporter({ url, headers: {} });
for (let round = 0; round <= turns.rounds * 4; round++) {
  for (const [name, exporter] of [
    ["protobuf", protobuf],
    ["json", json],
  ] as const) {
    const blockedMs = await exportMs(exporter, batchSpansMax);
    const key = `a batch of ${batchSpansMax}, ${name}`;
    if (round > 0) measured.set(key, [...(measured.get(key) ?? []), blockedMs * 1e6]);
  }
}
server.closeAllConnections();
server.close();

printFigures(measured, turns, "µs");
