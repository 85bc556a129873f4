/* eslint-disable @typescript-eslint/no-deprecated -- The form that succeeds it is read by the newest Grafana alone. */
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import type { Dashboard, GridPos } from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";

import { datasource, panelBuilder } from "./build-panel.ts";
import type { AnnotationSpec, DashboardSpec, PanelSpec, VariableSpec } from "./spec.ts";

/** Grafana's JSON model of a dashboard. */
export function buildDashboard(spec: DashboardSpec): Dashboard {
  const builder = new DashboardBuilder(spec.title)
    .uid(spec.uid)
    .description(spec.description)
    .tags(["sentinel"])
    .timezone("browser")
    .time({ from: "now-3h", to: "now" })
    .refresh("30s")
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder("Sentinel")
        .type(DashboardLinkType.Dashboards)
        .tags(["sentinel"])
        .asDropdown(true)
        .keepTime(true),
    )
    .withVariable(
      new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"),
    );
  for (const variable of spec.variables) builder.withVariable(variableBuilder(variable));
  for (const annotation of spec.annotations) builder.annotation(annotationBuilder(annotation));
  const places = placing();
  for (const { title, panels } of spec.rows) {
    builder.withRow(new RowBuilder(title).id(places.nextId()).gridPos(places.row()));
    for (const panel of panels) {
      builder.withPanel(panelBuilder(panel).id(places.nextId()).gridPos(places.panel(panel)));
    }
  }
  return builder.build();
}

function variableBuilder(variable: VariableSpec): QueryVariableBuilder {
  const { name, label, description, choice } = variable;
  const query = variableQuery(variable);
  const builder = new QueryVariableBuilder(name)
    .label(label)
    .description(description)
    .datasource(datasource)
    .query({ query, refId: name })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(choice === "many")
    .includeAll(choice === "many");
  return choice === "one"
    ? builder
    : builder.allValue(".*").current({ selected: true, text: ["All"], value: ["$__all"] });
}

export const variableQuery = ({ selector, labelName }: VariableSpec): string =>
  `label_values(${selector}, ${labelName})`;

function annotationBuilder({
  name,
  expr,
  color,
  title,
  isTime,
}: AnnotationSpec): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(datasource)
    .enable(true)
    .iconColor(color)
    .expr(expr)
    .titleFormat(title)
    .step("60s")
    .useValueForTime(isTime)
    .target(new DataqueryBuilder().refId("Anno").expr(expr).range());
}

const gridWidth = 24;
const numberSize = { w: 4, h: 4 };
const panelSize = { w: 8, h: 8 };
/** Their rows need the width. */
const wideSize = { w: 16, h: 8 };

const sizeOf = ({ kind }: PanelSpec): { readonly w: number; readonly h: number } => {
  if (kind === "number") return numberSize;
  return kind === "circuits" || kind === "heatmap" ? wideSize : panelSize;
};

/** From left to right, and down; all panels of a line are of the same height. */
function placing(): {
  nextId(): number;
  row(): GridPos;
  panel(panel: PanelSpec): GridPos;
} {
  let id = 0;
  let x = 0;
  let y = 0;
  let lineHeight = 0;
  const newLine = (): void => {
    x = 0;
    y += lineHeight;
    lineHeight = 0;
  };
  return {
    nextId: () => ++id,
    row() {
      newLine();
      return { x: 0, y: y++, w: gridWidth, h: 1 };
    },
    panel(panel) {
      const { w, h } = sizeOf(panel);
      if (x + w > gridWidth) newLine();
      const place = { x, y, w, h };
      x += w;
      lineHeight = h;
      return place;
    },
  };
}
