import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  ScaleDistribution,
  ScaleDistributionConfigBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from "@grafana/grafana-foundation-sdk/dashboard";
import {
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  HeatmapColorScale,
  PanelBuilder as HeatmapBuilder,
} from "@grafana/grafana-foundation-sdk/heatmap";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimelineBuilder } from "@grafana/grafana-foundation-sdk/statetimeline";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";

import type { PanelSpec, QuerySpec } from "./spec.ts";

/** Whichever the variable names: the dashboard works with any Prometheus. */
export const datasource = { type: "prometheus", uid: "${datasource}" };

type AnyBuilder = HeatmapBuilder | StatBuilder | TimelineBuilder | TimeseriesBuilder;

/** The panel without its place. */
export function panelBuilder(spec: PanelSpec): AnyBuilder {
  const builder = kindOf(spec)
    .title(spec.title)
    .description(spec.description)
    .unit(spec.unit)
    .datasource(datasource);
  if (spec.decimals !== undefined) builder.decimals(spec.decimals);
  for (const [index, query] of spec.queries.entries()) {
    builder.withTarget(queryBuilder(spec, query, index));
  }
  return builder;
}

function kindOf(spec: PanelSpec): AnyBuilder {
  switch (spec.kind) {
    case "lines":
      return linesBuilder(spec);
    case "stacked":
      return linesBuilder(spec)
        .fillOpacity(30)
        .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group("A"));
    case "number":
      return numberBuilder(spec);
    case "heatmap":
      return heatmapBuilder();
    case "circuits":
      return circuitsBuilder();
  }
}

const refIds = "ABCDEFGH";

function queryBuilder({ kind }: PanelSpec, query: QuerySpec, index: number): DataqueryBuilder {
  const builder = new DataqueryBuilder()
    .refId(refIds.charAt(index))
    .datasource(datasource)
    .expr(query.expr)
    .legendFormat(query.legend)
    .format(kind === "heatmap" ? PromQueryFormat.Heatmap : PromQueryFormat.TimeSeries);
  if (query.hasExemplars === true) builder.exemplar(true);
  return kind === "number" ? builder.instant() : builder.range();
}

function linesBuilder({ max, steps, isLogarithmic }: PanelSpec): TimeseriesBuilder {
  const builder = new TimeseriesBuilder()
    .lineWidth(1)
    .fillOpacity(8)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
    .tooltip(
      new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending),
    );
  if (max !== undefined) builder.max(max);
  if (steps !== undefined) {
    builder
      .thresholds(thresholds(steps))
      .thresholdsStyle(
        new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed),
      );
  }
  if (isLogarithmic === true) {
    builder.scaleDistribution(
      new ScaleDistributionConfigBuilder().type(ScaleDistribution.Log).log(10),
    );
  }
  return builder;
}

const plainSteps = [{ from: null, color: "text" }];

const numberBuilder = ({ steps }: PanelSpec): StatBuilder =>
  new StatBuilder()
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]).values(false))
    .thresholds(thresholds(steps ?? plainSteps));

/** Prometheus has counted into buckets already: nothing is left to calculate. */
const heatmapBuilder = (): HeatmapBuilder =>
  new HeatmapBuilder()
    .calculate(false)
    .color(
      new HeatmapColorOptionsBuilder()
        .mode(HeatmapColorMode.Scheme)
        .scheme("Spectral")
        .scale(HeatmapColorScale.Exponential)
        .exponent(0.5)
        .steps(64)
        .fill("dark-orange")
        .reverse(false),
    )
    .showLegend();

const circuitsBuilder = (): TimelineBuilder =>
  new TimelineBuilder()
    .mergeValues(true)
    .showValue(VisibilityMode.Never)
    .rowHeight(0.9)
    .fillOpacity(70)
    .lineWidth(0)
    .colorScheme(new FieldColorBuilder().mode(FieldColorModeId.Thresholds))
    .thresholds(
      thresholds([
        { from: null, color: "green" },
        { from: 1, color: "yellow" },
        { from: 2, color: "red" },
      ]),
    )
    .mappings([
      {
        type: MappingType.ValueToText,
        options: {
          "0": { text: "closed", color: "green", index: 0 },
          "1": { text: "half open", color: "yellow", index: 1 },
          "2": { text: "open", color: "red", index: 2 },
        },
      },
    ]);

const thresholds = (steps: NonNullable<PanelSpec["steps"]>): ThresholdsConfigBuilder =>
  new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps(steps.map(({ from, color }) => ({ value: from, color })));
