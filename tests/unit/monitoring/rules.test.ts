import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { parse } from "yaml";

import { generatedFiles, monitoringPath } from "../../../scripts/make-dashboards/files.ts";
import { alertRules } from "../../../scripts/make-dashboards/rules/alerts.ts";
import { recordingRules } from "../../../scripts/make-dashboards/rules/recording.ts";
import { alertExpr } from "../../../scripts/make-dashboards/rules/rule.ts";
import { ruleFileYaml, runbookUrl } from "../../../scripts/make-dashboards/rules/rule-file.ts";

const alerts = alertRules().flatMap(({ rules }) => rules);

test("what is checked in is what `npm run dashboards` writes", async () => {
  for (const { path, text } of await generatedFiles()) {
    expect(await readFile(path, "utf8"), `${path} is stale. Run: npm run dashboards`).toBe(text);
  }
});

test("every alert has an entry in the runbook, and every entry an alert", async () => {
  const entries = await runbookEntries();
  expect([...entries.keys()]).toEqual(alerts.map(({ alert }) => alert));
  const parts = ["Means", "Impact", "First look", "Likely causes", "Remedy", "Escalate"];
  for (const [name, text] of entries) {
    const found = [...text.matchAll(/^- \*\*([^*]+)\*\*: /gm)].map(([, part]) => part);
    expect(found, name).toEqual(parts);
  }
});

test("every alert's address leads to its heading in the runbook", async () => {
  const anchors = [...(await runbookEntries()).keys()].map((name) => name.toLowerCase());
  for (const { alert } of alerts) {
    const [path, anchor] = runbookUrl(alert).split("#");
    expect(path).toBe("monitoring/RUNBOOK.md");
    expect(anchors).toContain(anchor);
  }
});

test("panels that the runbook and the alerts name are on the overview", async () => {
  const overview = await readFile(monitoringPath("grafana/dashboards/sentinel.json"), "utf8");
  const runbook = await readFile(monitoringPath("RUNBOOK.md"), "utf8");
  // A panel is in underscores there, which prettier writes italics with.
  const inRunbook = [...runbook.matchAll(/(?<![\w`])_([A-Z][^_\n]+)_/g)].map(
    ([, name = ""]) => name,
  );
  const inAlerts = alerts.flatMap(({ description }) =>
    [...description.matchAll(/"([A-Z][^"]+)"/g)].map(([, name = ""]) => name),
  );
  const elsewhere = ["Sentinel: one tenant", "Status → Targets"];
  const missing = [...inRunbook, ...inAlerts].filter(
    (name) => !elsewhere.includes(name) && !overview.includes(`"title": ${JSON.stringify(name)}`),
  );
  expect(inRunbook.length).toBeGreaterThan(20);
  expect(missing).toEqual([]);
});

test("alerts say what is wrong, what to do first, and why at that point", () => {
  for (const { alert, summary, description, reason, severity } of alerts) {
    expect(alert).toMatch(/^Sentinel[A-Z]\w+$/);
    expect(summary.length, alert).toBeLessThan(100);
    expect(description, alert).toMatch(/[Ff]irst /);
    expect(reason, alert).not.toBe("");
    expect(["critical", "warning"]).toContain(severity);
  }
});

test("recorded names are level:metric:operations, and each is recorded once", () => {
  const names = recordingRules().flatMap(({ rules }) => rules.map(({ record }) => record));
  for (const name of names) expect(name).toMatch(/^job[a-z_]*:sentinel_[a-z_]+:[a-z0-9_]+$/);
  expect(new Set(names).size).toBe(names.length);
});

test("time can be scaled: windows and waiting times shrink, names and numbers of requests stay", () => {
  const scaled = alertRules({ timeScale: 1 / 60 }).flatMap(({ rules }) => rules);
  const fast = scaled.find(({ alert }) => alert === "SentinelErrorBudgetBurnFast");
  expect(fast?.holds).toBe("2s");
  // Ten failures in what is an hour, and is a minute here.
  expect(fast?.valueExpr).toContain("job:sentinel_request_failures:rate1h * 60 >= bool 10");
  const recorded = recordingRules({ timeScale: 1 / 60 }).flatMap(({ rules }) => rules);
  const hour = recorded.find(({ record }) => record === "job:sentinel_requests:rate1h");
  expect(hour?.expr).toContain("[1m]");
  expect(scaled.map(({ alert }) => alert)).toEqual(alerts.map(({ alert }) => alert));
});

test("a rule file has each alert with its expression, labels and annotations", () => {
  const file = parse(ruleFileYaml(alertRules())) as RuleFile;
  const [first] = alerts;
  expect(file.groups[0]?.rules[0]).toEqual({
    alert: "SentinelErrorBudgetBurnFast",
    expr: first === undefined ? "" : alertExpr(first),
    for: "2m",
    labels: { severity: "critical" },
    annotations: {
      summary: first?.summary,
      description: first?.description,
      runbook_url: "monitoring/RUNBOOK.md#sentinelerrorbudgetburnfast",
    },
  });
});

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly unknown[] }[];
}

/** By the alert's name, with their texts. */
async function runbookEntries(): Promise<ReadonlyMap<string, string>> {
  const [, ...sections] = (await readFile(monitoringPath("RUNBOOK.md"), "utf8")).split(/^## /m);
  return new Map(
    sections.map((section) => {
      const [name = "", ...lines] = section.split("\n");
      return [name, lines.join("\n")];
    }),
  );
}
