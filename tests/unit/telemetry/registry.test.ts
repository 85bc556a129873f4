import { expect, test, vi } from "vitest";

import { closedLabel, openLabel, statusLabel } from "../../../src/telemetry/metrics/label.ts";
import { LabelCap } from "../../../src/telemetry/metrics/label-cap.ts";
import { Registry } from "../../../src/telemetry/metrics/registry.ts";

interface Opened {
  readonly registry: Registry;
  readonly overflows: string[];
  readonly failures: unknown[];
}

function openRegistry(): Opened {
  const overflows: string[] = [];
  const failures: unknown[] = [];
  const registry = new Registry({
    onSeriesOverflow: (family) => overflows.push(family),
    onCollectFailure: (error) => failures.push(error),
  });
  return { registry, overflows, failures };
}

/** `values joined by a slash` → number, of the family with this name. */
function seriesOf(registry: Registry, name: string): Record<string, number> {
  const family = [...registry.snapshots()].find((candidate) => candidate.name === name);
  return Object.fromEntries(
    (family?.series ?? []).map(({ labelValues, reading }) => [
      labelValues.join("/"),
      reading.kind === "number" ? reading.value : reading.count,
    ]),
  );
}

const colours = ["red", "green"] as const;
const colour = closedLabel("colour", colours);

test("a series is the same each time that it is asked for", () => {
  const { registry } = openRegistry();
  const family = registry.counter({ name: "a_total", help: "A", labels: [openLabel("x"), colour] });
  expect(family.with("one", "red")).toBe(family.with("one", "red"));
  expect(family.with("one", "red")).not.toBe(family.with("one", "green"));
});

test("series of closed labels exist from the start, at zero", () => {
  const { registry } = openRegistry();
  const flag = closedLabel("flag", ["true", "false"]);
  registry.counter({ name: "a_total", help: "A", labels: [colour, flag] });
  registry.counter({ name: "none_total", help: "No labels", labels: [] });
  expect(seriesOf(registry, "a_total")).toEqual({
    "red/true": 0,
    "red/false": 0,
    "green/true": 0,
    "green/false": 0,
  });
  expect(seriesOf(registry, "none_total")).toEqual({ "": 0 });
});

test("names that become known can be declared, and then exist at zero with every closed value", () => {
  const { registry } = openRegistry();
  const family = registry.counter({ name: "a_total", help: "A", labels: [openLabel("x"), colour] });
  expect(seriesOf(registry, "a_total")).toEqual({});
  family.declare(["one", "two"], colours);
  family.with("two", "red").inc();
  expect(seriesOf(registry, "a_total")).toEqual({
    "one/red": 0,
    "one/green": 0,
    "two/red": 1,
    "two/green": 0,
  });
});

test("no two lists of values share a series, whatever is in them", () => {
  const { registry } = openRegistry();
  const labels = [openLabel("x"), openLabel("y")] as const;
  const family = registry.counter({ name: "a_total", help: "A", labels });
  const lists = [
    ["a", "b"],
    ["a\0", "b"],
    ["a", "\0b"],
    ["a,b", ""],
    ["", "a,b"],
    ["ab", ""],
    ["", "ab"],
    ["a\ud800", "b"],
    ["a", "\ud800b"],
    ["\ud800", "\ud800"],
  ] as const;
  const cells = lists.map(([x, y]) => family.with(x, y));
  expect(new Set(cells).size).toBe(lists.length);
});

test("values that would be written alike share a series, as a document must not have it twice", () => {
  const { registry } = openRegistry();
  const family = registry.counter({ name: "a_total", help: "A", labels: [openLabel("x")] });
  family.with("half \ud83d").inc();
  family.with("half \udc00").inc();
  expect(seriesOf(registry, "a_total")).toEqual({ "half \ufffd": 2 });
});

test("a full family counts the rest as _other, keeps closed labels and statuses, and says so", () => {
  const { registry, overflows } = openRegistry();
  const labels = [openLabel("tenant"), colour, statusLabel("code")] as const;
  const family = registry.counter({ name: "a_total", help: "A", labels, seriesMax: 2 });
  family.with("one", "red", "200").inc();
  family.with("two", "red", "200").inc();
  expect(overflows).toEqual([]);
  family.with("three", "red", "200").inc();
  family.with("four", "red", "200").inc();
  family.with("five", "green", "503").inc();
  family.with("six", "green", "not a status").inc();
  family.with("one", "red", "200").inc();
  expect(seriesOf(registry, "a_total")).toEqual({
    "one/red/200": 2,
    "two/red/200": 1,
    "_other/red/200": 2,
    "_other/green/503": 1,
    "_other/green/_other": 1,
  });
  expect(overflows).toEqual(["a_total", "a_total", "a_total", "a_total"]);
});

test("a series named _other before the family was full takes what comes after", () => {
  const { registry } = openRegistry();
  const family = registry.counter({
    name: "a_total",
    help: "A",
    labels: [openLabel("x"), colour],
    seriesMax: 1,
  });
  family.with("_other", "red").inc();
  family.with("late", "red").inc();
  expect(seriesOf(registry, "a_total")).toEqual({ "_other/red": 2 });
});

test("a full family stays bounded, whatever is asked of it", () => {
  const { registry } = openRegistry();
  const labels = [openLabel("tenant"), statusLabel("code")] as const;
  const family = registry.counter({ name: "a_total", help: "A", labels, seriesMax: 10 });
  for (let at = 0; at < 20_000; at++) family.with(`tenant ${at}`, String(at)).inc();
  const series = seriesOf(registry, "a_total");
  expect(Object.keys(series).length).toBeLessThanOrEqual(10 + 500 + 1);
  expect(Object.values(series).reduce((sum, count) => sum + count, 0)).toBe(20_000);
});

test("a gauge that is set has no series for others: one tenant's figure is not that of the rest", () => {
  const { registry } = openRegistry();
  const family = registry.gauge({
    name: "left",
    help: "Left",
    labels: [openLabel("tenant")],
    seriesMax: 1,
    others: "hidden",
  });
  family.with("_other").set(1);
  family.with("one").set(2);
  family.with("two").set(3);
  expect(seriesOf(registry, "left")).toEqual({ one: 2 });
});

test("a gauge that was cleared shows what is set afterwards", () => {
  const { registry } = openRegistry();
  const family = registry.gauge({ name: "left", help: "Left", labels: [openLabel("tenant")] });
  family.with("gone").set(1);
  family.clear();
  family.with("there").set(2);
  expect(seriesOf(registry, "left")).toEqual({ there: 2 });
});

test("two metrics of one name are a mistake that shows at once", () => {
  const { registry } = openRegistry();
  registry.counter({ name: "a_total", help: "A", labels: [] });
  expect(() => registry.gauge({ name: "a_total", help: "A", labels: [] })).toThrow("a_total");
});

test("figures are brought up to date before they are read", async () => {
  const { registry, failures } = openRegistry();
  const gauge = registry.gauge({ name: "now", help: "Now", labels: [] });
  const later = registry.gauge({ name: "later", help: "Later", labels: [] });
  registry.onCollect(() => {
    gauge.with().set(7);
  });
  registry.onCollect(async () => {
    await Promise.resolve();
    later.with().set(8);
  });
  await registry.collect();
  expect(seriesOf(registry, "now")).toEqual({ "": 7 });
  expect(seriesOf(registry, "later")).toEqual({ "": 8 });
  expect(failures).toEqual([]);
});

test("a part that cannot say how it is costs its own figures and no others", async () => {
  const { registry, failures } = openRegistry();
  const gauge = registry.gauge({ name: "now", help: "Now", labels: [] });
  const thrown = new Error("thrown at once");
  const rejected = new Error("rejected");
  registry.onCollect(() => {
    throw thrown;
  });
  registry.onCollect(() => Promise.reject(rejected));
  registry.onCollect(() => {
    gauge.with().set(7);
  });
  await registry.collect();
  expect(seriesOf(registry, "now")).toEqual({ "": 7 });
  expect(failures).toEqual([thrown, rejected]);
});

test("a part that takes too long is not waited for, nor asked again before it has answered", async () => {
  vi.useFakeTimers();
  try {
    const { registry, failures } = openRegistry();
    const slow = Promise.withResolvers<undefined>();
    let asked = 0;
    registry.onCollect(async () => {
      asked += 1;
      await slow.promise;
    });
    for (const scrape of [1, 2]) {
      const collected = registry.collect();
      await vi.advanceTimersByTimeAsync(1_000);
      await collected;
      expect(failures).toHaveLength(scrape);
      expect(asked).toBe(1);
    }
    slow.resolve(undefined);
    await registry.collect();
    await registry.collect();
    expect(asked).toBe(2);
    expect(failures).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test("the first names of a label are themselves, and all later ones are _other", () => {
  let overflows = 0;
  const cap = new LabelCap({ max: 2, onOverflow: () => overflows++ });
  expect(["one", "two", "three", "one", "four", "three"].map((name) => cap.of(name))).toEqual([
    "one",
    "two",
    "_other",
    "one",
    "_other",
    "_other",
  ]);
  expect(overflows).toBe(3);
});

test("whoever is called like a name that Sentinel has itself is one of the others", () => {
  const cap = new LabelCap({ max: 1, onOverflow: () => undefined });
  expect(["_none", "_unknown", "_other", "one", "_none"].map((name) => cap.of(name))).toEqual([
    "_other",
    "_other",
    "_other",
    "one",
    "_other",
  ]);
});

test("a name of a megabyte takes no place", () => {
  const cap = new LabelCap({ max: 1, onOverflow: () => undefined });
  expect(cap.of("x".repeat(1_000_000))).toBe("_other");
  expect(cap.of("short")).toBe("short");
});
