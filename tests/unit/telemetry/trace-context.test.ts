import fc from "fast-check";
import { expect, test } from "vitest";

import { tracingOff, tracingOn } from "../../../src/telemetry/tracing/begin-trace.ts";
import { samplerOf } from "../../../src/telemetry/tracing/sampler.ts";
import {
  newSpanId,
  newTraceId,
  readTraceparent,
  readTracestate,
  writeTraceparent,
} from "../../../src/telemetry/tracing/trace-context.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";
const good = `00-${traceId}-${spanId}-01`;

test("a traceparent is read: whose trace, which span, and what its flags say", () => {
  const read = { traceId, spanId, isSampled: true, isRandom: false };
  expect(readTraceparent(good)).toEqual(read);
  expect(readTraceparent(`00-${traceId}-${spanId}-02`)).toEqual({
    ...read,
    isSampled: false,
    isRandom: true,
  });
  // Flags that nobody knows yet mean nothing.
  expect(readTraceparent(`00-${traceId}-${spanId}-fd`)).toEqual(read);
});

test("a later version is read as far as this one goes", () => {
  expect(readTraceparent(`cc-${traceId}-${spanId}-01-what-comes-later`)?.traceId).toBe(traceId);
  expect(readTraceparent(`cc-${traceId}-${spanId}-01`)?.spanId).toBe(spanId);
});

test.each([
  ["nothing", ""],
  ["the version that is none", `ff-${traceId}-${spanId}-01`],
  ["a trace id of zeros", `00-${"0".repeat(32)}-${spanId}-01`],
  ["a span id of zeros", `00-${traceId}-${"0".repeat(16)}-01`],
  ["upper case", good.toUpperCase()],
  ["more than version 00 has", `${good}-x`],
  ["more after a later version's flags, without a hyphen", `cc-${traceId}-${spanId}-01x`],
  ["a short trace id", `00-${traceId.slice(1)}-${spanId}-01`],
  ["a flag of one digit", `00-${traceId}-${spanId}-1`],
  ["spaces around it", ` ${good} `],
  ["a second one behind a comma", `${good}, ${good}`],
  ["a line break at its end", `${good}\n`],
])("%s is no traceparent", (_what, header) => {
  expect(readTraceparent(header)).toBeUndefined();
});

test("two headers are none, as nobody can tell which is right", () => {
  expect(readTraceparent([good, good])).toBeUndefined();
  expect(readTraceparent(undefined)).toBeUndefined();
});

test("what is written is read again the same, whatever its ids", () => {
  const hex = (digits: number) =>
    fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`)).filter((text) => !/^0*$/.test(text));
  fc.assert(
    fc.property(
      hex(32),
      hex(16),
      fc.boolean(),
      fc.boolean(),
      (trace, span, isSampled, isRandom) => {
        const context = { traceId: trace, isSampled, isRandom };
        const written = writeTraceparent(
          { ...context, spanId: undefined, parentSpanId: undefined, tracestate: undefined },
          span,
        );
        expect(readTraceparent(written)).toEqual({ ...context, spanId: span });
      },
    ),
  );
});

test("ids are of the right length, not zero, and do not repeat", () => {
  const traceIds = Array.from({ length: 2_000 }, newTraceId);
  const spanIds = Array.from({ length: 2_000 }, newSpanId);
  expect(traceIds.every((id) => /^(?!0+$)[0-9a-f]{32}$/.test(id))).toBe(true);
  expect(spanIds.every((id) => /^(?!0+$)[0-9a-f]{16}$/.test(id))).toBe(true);
  expect(new Set([...traceIds, ...spanIds]).size).toBe(4_000);
});

test("a tracestate goes on as it came, unless it is too long or no text for a header", () => {
  expect(readTracestate("a=1,b=2")).toBe("a=1,b=2");
  expect(readTracestate("a".repeat(2_000))).toBeUndefined();
  expect(readTracestate("a=\u00e9")).toBeUndefined();
  expect(readTracestate("")).toBeUndefined();
});

test("with tracing on a trace begins where the client has none, and its tracestate counts for nothing then", () => {
  const begin = tracingOn(samplerOf({ name: "parentbased_always_on", ratio: 1 }));
  const begun = begin({ traceparent: "no", tracestate: "a=1" });
  expect(begun).toMatchObject({ parentSpanId: undefined, isSampled: true, tracestate: undefined });
  const joined = begin({ traceparent: good, tracestate: "a=1" });
  expect(joined).toMatchObject({ traceId, parentSpanId: spanId, tracestate: "a=1" });
  expect(joined?.spanId).not.toBe(spanId);
});

test("with tracing off only the client's trace is known, and no span of ours", () => {
  expect(tracingOff({})).toBeUndefined();
  expect(tracingOff({ traceparent: "no" })).toBeUndefined();
  expect(tracingOff({ traceparent: good })).toMatchObject({ traceId, spanId: undefined });
});

test.each([
  ["always_on", [true, true, true]],
  ["always_off", [false, false, false]],
  ["traceidratio", [false, false, false]],
  ["parentbased_always_on", [true, true, false]],
  ["parentbased_always_off", [false, true, false]],
  ["parentbased_traceidratio", [false, true, false]],
] as const)(
  "%s decides without a client's trace, with a sampled one and with one that is not",
  (name, decided) => {
    const sampler = samplerOf({ name, ratio: 0 });
    expect([undefined, true, false].map((parent) => sampler(traceId, parent))).toEqual(decided);
  },
);

test("a ratio takes its share of the traces, and with it every smaller ratio's", () => {
  const ids = Array.from({ length: 20_000 }, newTraceId);
  const taken = (ratio: number): Set<string> => {
    const sampler = samplerOf({ name: "traceidratio", ratio });
    return new Set(ids.filter((id) => sampler(id, undefined)));
  };
  const tenth = taken(0.1);
  expect(tenth.size / ids.length).toBeGreaterThan(0.08);
  expect(tenth.size / ids.length).toBeLessThan(0.12);
  const half = taken(0.5);
  expect([...tenth].every((id) => half.has(id))).toBe(true);
  expect(taken(1).size).toBe(ids.length);
});
