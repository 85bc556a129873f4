import { variableQuery } from "./dashboards/build.ts";
import { overview } from "./dashboards/overview.ts";
import type { DashboardSpec } from "./dashboards/spec.ts";
import { tenantDashboard } from "./dashboards/tenant.ts";
import { alertRules } from "./rules/alerts.ts";
import { recordingRules } from "./rules/recording.ts";
import { realTime } from "./rules/time-scale.ts";
import type { TimeScale } from "./rules/time-scale.ts";

export const dashboards: readonly DashboardSpec[] = [overview, tenantDashboard];

/** One expression of the bundled monitoring, ready for Prometheus. */
export interface PlacedExpression {
  readonly kind: "panel" | "variable" | "annotation" | "recording" | "alert";
  /** Where to find it: `Sentinel / Cache / Cache hit ratio / A`, or the name of a rule. */
  readonly place: string;
  /** An alert's is its value, without the comparison: a quiet alert is rightly empty. */
  readonly expr: string;
}

/** What Grafana would put in the place of its macros. */
export interface MacroValues extends TimeScale {
  /** In the place of `$__rate_interval` and `$__interval`, as a PromQL duration. */
  readonly rateInterval: string;
  /** Of `$__range`: what the dashboard shows. */
  readonly range: string;
  /** Of the variable of the dashboard that shows one tenant. The other variables are at "All". */
  readonly tenant: string;
}

const examples: MacroValues = { ...realTime, rateInterval: "1m", range: "3h", tenant: "default" };

/** Every expression there is: of panels, variables and annotations of all dashboards, and of all rules. */
export function allExpressions(values: MacroValues = examples): readonly PlacedExpression[] {
  return [
    ...dashboards.flatMap((dashboard) => dashboardExpressions(dashboard, values)),
    ...recordingRules(values).flatMap(({ rules }) =>
      rules.map(({ record, expr }) => ({ kind: "recording" as const, place: record, expr })),
    ),
    ...alertRules(values).flatMap(({ rules }) =>
      rules.map(({ alert, valueExpr }) => ({
        kind: "alert" as const,
        place: alert,
        expr: valueExpr,
      })),
    ),
  ];
}

function dashboardExpressions(
  { title, variables, annotations, rows }: DashboardSpec,
  values: MacroValues,
): readonly PlacedExpression[] {
  const isOneTenant = variables.some(({ name, choice }) => name === "tenant" && choice === "one");
  const tenant = isOneTenant ? values.tenant : ".*";
  const filled = (expr: string): string => fillMacros(expr, { ...values, tenant });
  return [
    ...rows.flatMap(({ title: row, panels }) =>
      panels.flatMap(({ title: panel, queries }) =>
        queries.map(({ expr, legend }) => ({
          kind: "panel" as const,
          place: `${title} / ${row} / ${panel} / ${legend}`,
          expr: filled(expr),
        })),
      ),
    ),
    ...variables.map((variable) => ({
      kind: "variable" as const,
      place: `${title} / ${variable.name}: ${variableQuery(variable)}`,
      expr: filled(`group by (${variable.labelName}) (${variable.selector})`),
    })),
    ...annotations.map(({ name, expr }) => ({
      kind: "annotation" as const,
      place: `${title} / ${name}`,
      expr: filled(expr),
    })),
  ];
}

/** No name begins another one. */
function fillMacros(expr: string, { rateInterval, range, tenant }: MacroValues): string {
  return expr
    .replaceAll("$__rate_interval", rateInterval)
    .replaceAll("$__interval", rateInterval)
    .replaceAll("$__range", range)
    .replaceAll("$tenant", tenant)
    .replaceAll("$model", ".*")
    .replaceAll("$provider", ".*");
}
