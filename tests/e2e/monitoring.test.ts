import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startDemo } from "../../scripts/demo/start-demo.ts";
import type { Demo } from "../../scripts/demo/start-demo.ts";
import { allExpressions } from "../../scripts/make-dashboards/expressions.ts";
import type { PlacedExpression } from "../../scripts/make-dashboards/expressions.ts";
import { alertRules } from "../../scripts/make-dashboards/rules/alerts.ts";
import { recordingRules } from "../../scripts/make-dashboards/rules/recording.ts";
import { ruleFileYaml } from "../../scripts/make-dashboards/rules/rule-file.ts";
import type {
  AlertRule,
  RecordingRule,
  RuleGroup,
} from "../../scripts/make-dashboards/rules/rule.ts";
import { realTime } from "../../scripts/make-dashboards/rules/time-scale.ts";
import { commandExists } from "../support/command-exists.ts";
import { startPrometheus } from "../support/prometheus.ts";
import type { Prometheus } from "../support/prometheus.ts";
import { untilTrue } from "../support/redis.ts";

/** Time enough for traffic of every kind, two scrapes of it, and the rules that build on rules. */
const patienceMs = 60_000;

/** The rules as they are shipped, but evaluated every second: of long windows there is as much as has been scraped. */
const soon = (groups: readonly RuleGroup<AlertRule | RecordingRule>[]): string =>
  ruleFileYaml(groups.map((group) => ({ ...group, interval: "1s" })));

describe.skipIf(!commandExists("prometheus"))("the bundled monitoring", () => {
  let demo: Demo;
  let prometheus: Prometheus;
  let opened: AsyncDisposableStack;
  beforeAll(async () => {
    await using opening = new AsyncDisposableStack();
    demo = opening.use(await startDemo({ port: 0 }));
    prometheus = opening.use(
      await startPrometheus({
        gateways: [demo.url],
        metricsToken: demo.metricsToken,
        // A scrape may take as long: a machine that is busy with other tests needs seconds for one.
        scrapeMs: 4_000,
        rules: [soon(recordingRules()), soon(alertRules())],
      }),
    );
    opened = opening.move();
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  test("every expression has an answer that is a number, as real traffic is scraped", async () => {
    const tenant = "help-desk"; // The one of the demo that has a bit of everything.
    const all = [
      ...allExpressions({ ...realTime, rateInterval: "20s", range: "1m", tenant }),
      ...recordedNames(),
    ];
    const deadlineMs = performance.now() + patienceMs;
    await untilScraped();
    let missing: readonly string[] = ["nothing was asked"];
    let left: readonly PlacedExpression[] = all;
    while (left.length > 0 && performance.now() < deadlineMs) {
      await sleep(1_000);
      const problems = await Promise.all(
        left.map(async (one) => ({ one, is: await problemOf(one) })),
      );
      const bad = problems.filter(({ is }) => is !== undefined);
      left = bad.map(({ one }) => one);
      missing = bad.map(({ one, is }) => `${is}: ${one.kind} ${one.place}\n    ${one.expr}`);
    }
    expect(all.length).toBeGreaterThan(100);
    expect(missing.join("\n")).toBe("");
  });

  test("Prometheus has nothing against the scrapes, the rules and the lint of the metrics", async () => {
    await untilScraped();
    expect(await prometheus.failingRules()).toEqual([]);
    const scrape = await fetch(`${demo.url}/metrics/prometheus`, {
      headers: { accept: "text/plain", authorization: `Bearer ${demo.metricsToken}` },
    });
    expect(await lintOf(await scrape.text())).toBe("");
  });

  /** A scrape may come too late on a busy machine; one that Prometheus cannot read fails each time. */
  async function untilScraped(): Promise<void> {
    let said: unknown;
    const isUp = async (): Promise<boolean> => {
      const targets = await prometheus.targets();
      said = targets;
      return targets.length === 1 && targets.every(({ health }) => health === "up");
    };
    await untilTrue("the demo was scraped", isUp).catch((error: unknown) => {
      throw new Error(`Prometheus says: ${JSON.stringify(said)}`, { cause: error });
    });
  }

  async function problemOf({ expr }: PlacedExpression): Promise<string | undefined> {
    try {
      const samples = await prometheus.query(expr);
      if (samples.length === 0) return "empty";
      return samples.some(({ value }) => Number.isNaN(value)) ? "NaN" : undefined;
    } catch (error) {
      return String(error);
    }
  }
});

/** Nobody may draw them, but each was recorded. */
function recordedNames(): readonly PlacedExpression[] {
  return recordingRules().flatMap(({ rules }) =>
    rules.map(({ record }) => ({ kind: "recording" as const, place: "as recorded", expr: record })),
  );
}

/** What `promtool check metrics` says; nothing where all is well. */
async function lintOf(metrics: string): Promise<string> {
  const child = spawn("promtool", ["check", "metrics"], { stdio: ["pipe", "pipe", "pipe"] });
  const over = once(child, "close");
  child.stdin.end(metrics);
  const [said, complained] = await Promise.all([text(child.stdout), text(child.stderr), over]);
  return said + complained;
}
