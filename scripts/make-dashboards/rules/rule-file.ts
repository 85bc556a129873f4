import { Document, YAMLMap } from "yaml";

import { alertExpr } from "./rule.ts";
import type { AlertRule, RecordingRule, RuleGroup } from "./rule.ts";

/** The text of a Prometheus rule file. */
export function ruleFileYaml(groups: readonly RuleGroup<AlertRule | RecordingRule>[]): string {
  const file = new Document({
    groups: groups.map(({ name, interval, rules }) => ({
      name,
      interval,
      rules: rules.map((rule) => ("alert" in rule ? alertEntry(rule) : recordingEntry(rule))),
    })),
  });
  for (const [groupIndex, { rules }] of groups.entries()) {
    for (const [index, { reason }] of rules.entries()) {
      const entry = file.getIn(["groups", groupIndex, "rules", index]);
      if (reason !== undefined && entry instanceof YAMLMap) entry.commentBefore = ` ${reason}`;
    }
  }
  file.commentBefore = " Made by: npm run dashboards";
  return file.toString({ lineWidth: 0 });
}

const recordingEntry = ({ record, expr }: RecordingRule): object => ({ record, expr });

function alertEntry(rule: AlertRule): object {
  return {
    alert: rule.alert,
    expr: alertExpr(rule),
    ...(rule.holds === undefined ? {} : { for: rule.holds }),
    labels: { severity: rule.severity },
    annotations: {
      summary: rule.summary,
      description: rule.description,
      runbook_url: runbookUrl(rule.alert),
    },
  };
}

/** From the root of the repository; headings become anchors in small letters. */
export const runbookUrl = (alert: string): string => `monitoring/RUNBOOK.md#${alert.toLowerCase()}`;
