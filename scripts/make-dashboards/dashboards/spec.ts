/** What a dashboard shows, as data. `build.ts` turns it into Grafana's JSON, `expressions.ts` lists its queries. */
export interface DashboardSpec {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly VariableSpec[];
  readonly annotations: readonly AnnotationSpec[];
  readonly rows: readonly RowSpec[];
}

export interface VariableSpec {
  readonly name: string;
  readonly label: string;
  readonly description: string;
  /** Whose values it offers. */
  readonly selector: string;
  readonly labelName: string;
  /** `many` has "All" too, and starts with it. */
  readonly choice: "one" | "many";
}

export interface AnnotationSpec {
  readonly name: string;
  readonly expr: string;
  readonly color: string;
  readonly title: string;
  /** The value is when it happened, in ms; otherwise it happens while the value is above 0. */
  readonly isTime: boolean;
}

export interface RowSpec {
  readonly title: string;
  readonly panels: readonly PanelSpec[];
}

export interface PanelSpec {
  readonly kind: "lines" | "stacked" | "number" | "heatmap" | "circuits";
  readonly title: string;
  /** What to look for. */
  readonly description: string;
  /** One of Grafana's; one for the whole panel. */
  readonly unit: string;
  readonly queries: readonly QuerySpec[];
  readonly decimals?: number;
  readonly max?: number;
  /** From where on which colour. The first one begins at the bottom. */
  readonly steps?: readonly Step[];
  /** Latencies span powers of ten. */
  readonly isLogarithmic?: boolean;
}

export interface Step {
  readonly from: number | null;
  readonly color: string;
}

export interface QuerySpec {
  readonly expr: string;
  /** Grafana's `{{label}}` form. */
  readonly legend: string;
  /** Traces of single requests as points, where the series is a histogram's. */
  readonly hasExemplars?: boolean;
}

export const lines = (panel: Omit<PanelSpec, "kind">): PanelSpec => ({ kind: "lines", ...panel });
export const stacked = (panel: Omit<PanelSpec, "kind">): PanelSpec => ({
  kind: "stacked",
  ...panel,
});
export const number = (panel: Omit<PanelSpec, "kind">): PanelSpec => ({ kind: "number", ...panel });

/** A panel's only query. */
export const one = (expr: string, legend: string): readonly QuerySpec[] => [{ expr, legend }];

/** What the objective asks of availability, and what is far from it. */
export const availabilitySteps: NonNullable<PanelSpec["steps"]> = [
  { from: null, color: "red" },
  { from: 0.995, color: "orange" },
  { from: 0.999, color: "green" },
];
