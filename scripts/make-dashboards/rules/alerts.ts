import { budgetAlerts, latencyAlerts } from "./alerts-service.ts";
import { judgeAlerts } from "./alerts-judge.ts";
import { moneyAlerts } from "./alerts-money.ts";
import { processAlerts, recordAlerts } from "./alerts-process.ts";
import { providerAlerts } from "./alerts-providers.ts";
import { intervalIn } from "./recording.ts";
import type { AlertRule, RuleGroup } from "./rule.ts";
import { realTime, spanIn } from "./time-scale.ts";
import type { TimeScale } from "./time-scale.ts";

/** All alerts. Each has an entry in `monitoring/RUNBOOK.md`, by its name. */
export function alertRules(scale: TimeScale = realTime): readonly RuleGroup<AlertRule>[] {
  const span = spanIn(scale);
  const interval = intervalIn(scale)(30);
  return [
    { name: "sentinel_service", interval, rules: [...budgetAlerts(span), ...latencyAlerts(span)] },
    { name: "sentinel_providers", interval, rules: providerAlerts(span) },
    { name: "sentinel_money_and_cache", interval, rules: moneyAlerts(span) },
    { name: "sentinel_judge", interval, rules: judgeAlerts(span) },
    { name: "sentinel_records", interval, rules: recordAlerts(span) },
    { name: "sentinel_process", interval, rules: processAlerts(span) },
  ];
}
