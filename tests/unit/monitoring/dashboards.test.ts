import { expect, test } from "vitest";

import { buildDashboard } from "../../../scripts/make-dashboards/dashboards/build.ts";
import { allExpressions, dashboards } from "../../../scripts/make-dashboards/expressions.ts";
import { recordingRules } from "../../../scripts/make-dashboards/rules/recording.ts";
import {
  exposedMetrics,
  groupedLabels,
  mentionedMetrics,
  processMetrics,
} from "./metric-catalogue.ts";

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

interface BuiltPanel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: Place;
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly {
    readonly expr: string;
    readonly refId: string;
    readonly format?: string;
    readonly exemplar?: boolean;
    readonly datasource: { readonly uid: string };
  }[];
}

interface BuiltDashboard {
  readonly title: string;
  readonly uid: string;
  readonly panels: readonly BuiltPanel[];
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly type: string;
      readonly multi?: boolean;
      readonly allValue?: string;
      readonly datasource?: { readonly uid: string };
    }[];
  };
  readonly annotations: {
    readonly list: readonly {
      readonly name: string;
      readonly datasource: { readonly uid: string };
    }[];
  };
}

/** As they come out of the file: through JSON. */
const built = dashboards.map(
  (spec): BuiltDashboard => JSON.parse(JSON.stringify(buildDashboard(spec))) as BuiltDashboard,
);
const panelsOf = ({ panels }: BuiltDashboard): readonly BuiltPanel[] =>
  panels.filter(({ type }) => type !== "row");

test.each(built)(
  "$title: every panel says what it is, what to look for, and in which unit",
  (dashboard) => {
    for (const { title, description, fieldConfig, targets } of panelsOf(dashboard)) {
      expect(title).not.toBe("");
      expect(description, title).toMatch(/^.{15,}[.]$/s);
      expect(fieldConfig?.defaults.unit, title).toBeTruthy();
      expect(targets?.length, title).toBeGreaterThan(0);
    }
  },
);

test.each(built)(
  "$title: no two panels have the same title or id, and none lies on another",
  (dashboard) => {
    const titles = dashboard.panels.map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (const cell of cellsOf(gridPos)) {
        expect(taken.has(cell), `${title} lies on another panel at ${cell}`).toBe(false);
        taken.add(cell);
      }
    }
  },
);

test.each(built)("$title: everything asks the data source that the variable names", (dashboard) => {
  const uids = [
    ...panelsOf(dashboard).map(({ datasource }) => datasource?.uid),
    ...panelsOf(dashboard).flatMap(({ targets = [] }) =>
      targets.map((each) => each.datasource.uid),
    ),
    ...dashboard.annotations.list.map(({ datasource }) => datasource.uid),
    ...dashboard.templating.list
      .filter(({ type }) => type === "query")
      .map(({ datasource }) => datasource?.uid),
  ];
  expect(new Set(uids)).toEqual(new Set(["${datasource}"]));
  expect(dashboard.templating.list[0]).toMatchObject({ name: "datasource", type: "datasource" });
});

test("the overview can be narrowed to several tenants, models and providers, or shows all of them", () => {
  const variables = built[0]?.templating.list.slice(1);
  expect(variables?.map(({ name, multi, allValue }) => ({ name, multi, allValue }))).toEqual(
    ["tenant", "model", "provider"].map((name) => ({ name, multi: true, allValue: ".*" })),
  );
});

test.each(built)(
  "$title: windows are Grafana's, so that no rate is empty at any zoom",
  (dashboard) => {
    for (const { title, targets = [] } of panelsOf(dashboard)) {
      for (const { expr } of targets) {
        const windows = [...expr.matchAll(/\[([^\]]+)\]/g)].map(([, window]) => window);
        for (const window of windows)
          expect(["$__rate_interval", "$__range"], title).toContain(window);
      }
    }
  },
);

test("beside lines with names there is none without", () => {
  const named = dashboards.flatMap(({ rows }) =>
    rows.flatMap(({ panels }) =>
      panels.flatMap(({ queries }) => queries.filter(({ legend }) => legend.includes("{{"))),
    ),
  );
  expect(named.filter(({ expr }) => / or vector\(0\)$/.test(expr))).toEqual([]);
});

test("the dashboard of one tenant begins with a tenant, not with requests of nobody", () => {
  const [tenant] = dashboards.find(({ uid }) => uid === "sentinel-tenant")?.variables ?? [];
  expect(tenant).toMatchObject({ name: "tenant", choice: "one" });
  expect(tenant?.selector).toContain('tenant!~"_none|_other"');
});

test("a heatmap asks for increases by bucket, in the format of heatmaps", () => {
  const heatmaps = built.flatMap(panelsOf).filter(({ type }) => type === "heatmap");
  expect(heatmaps.length).toBeGreaterThan(0);
  for (const { targets = [] } of heatmaps) {
    expect(targets.map(({ format }) => format)).toEqual(["heatmap"]);
    expect(targets[0]?.expr).toMatch(/^sum by \(le\) \(increase\(/);
  }
});

test("the latency panel shows exemplars", () => {
  const latency = built.flatMap(panelsOf).find(({ title }) => title === "Request latency");
  expect(latency?.targets?.some(({ exemplar }) => exemplar === true)).toBe(true);
});

test("every metric in an expression exists, with the labels that it is narrowed by", () => {
  const exposed = exposedMetrics();
  const recorded = new Set(
    recordingRules().flatMap(({ rules }) => rules.map(({ record }) => record)),
  );
  const added = ["job", "instance"]; // By Prometheus.
  const wrong: string[] = [];
  for (const { place, expr } of allExpressions()) {
    const mentions = mentionedMetrics(expr);
    if (mentions.length === 0) wrong.push(`${place}: no metric in ${expr}`);
    for (const { metric, labels } of mentions) {
      if (recorded.has(metric) || processMetrics.has(metric)) continue;
      const known = exposed.get(metric);
      if (known === undefined) wrong.push(`${place}: there is no ${metric}`);
      for (const label of labels) {
        if (known?.has(label) === false && !added.includes(label)) {
          wrong.push(`${place}: ${metric} has no label ${label}`);
        }
      }
    }
  }
  expect(wrong).toEqual([]);
});

test("expressions group by labels that there are", () => {
  const labels = new Set([
    "job",
    "instance",
    ...[...exposedMetrics().values()].flatMap((each) => [...each]),
  ]);
  const wrong = allExpressions().flatMap(({ place, expr }) =>
    groupedLabels(expr)
      .filter((label) => !labels.has(label))
      .map((label) => `${place}: ${label}`),
  );
  expect(wrong).toEqual([]);
});

test("every metric of Sentinel is shown or watched somewhere", () => {
  const mentioned = new Set(
    allExpressions().flatMap(({ expr }) =>
      mentionedMetrics(expr).map(({ metric }) => familyOf(metric)),
    ),
  );
  const forgotten = [...exposedMetrics().keys()]
    .map(familyOf)
    .filter((name) => !mentioned.has(name));
  expect([...new Set(forgotten)]).toEqual([]);
});

test("the list of expressions has those of the built dashboards, without a macro left", () => {
  const values = { timeScale: 1, rateInterval: "1m", range: "3h", tenant: "default" };
  const listed = allExpressions(values);
  const panels = listed.filter(({ kind }) => kind === "panel");
  const targets = built.flatMap(panelsOf).flatMap(({ targets: own = [] }) => own);
  expect(panels.length).toBe(targets.length);
  for (const { place, expr } of listed) expect(expr, place).not.toContain("$");
  expect(new Set(listed.map(({ kind }) => kind))).toEqual(
    new Set(["panel", "variable", "annotation", "recording", "alert"]),
  );
});

function cellsOf({ x, y, w, h }: Place): readonly string[] {
  const cells: string[] = [];
  for (let row = y; row < y + h; row++) {
    for (let column = x; column < x + w; column++) cells.push(`${column},${row}`);
  }
  return cells;
}

const familyOf = (metric: string): string => metric.replace(/_(bucket|count|sum)$/, "");
