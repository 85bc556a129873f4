import { LabelCap } from "./metrics/label-cap.ts";
import type { OverflowLabel } from "./metrics/label-values.ts";
import { judgeFamilies } from "./metrics/judge-families.ts";
import { policyFamilies } from "./metrics/policy-families.ts";
import { Registry } from "./metrics/registry.ts";
import { requestFamilies } from "./metrics/request-families.ts";
import { upkeepFamilies } from "./metrics/upkeep-families.ts";
import { upstreamFamilies } from "./metrics/upstream-families.ts";

export interface MetricsOptions {
  readonly version: string;
  /** Of the source that this build was made of; undefined where nobody said. */
  readonly commit?: string | undefined;
  /** How many names of each kind are themselves; later ones are `_other`. */
  readonly tenantsMax?: number;
  readonly modelsMax?: number;
  readonly providersMax?: number;
  readonly targetsMax?: number;
  /** Told when figures could not be brought up to date for a scrape, which goes out nevertheless. */
  readonly onCollectFailure: (error: unknown) => void;
}

const namesMax = 100;
/** Targets are pairs of provider and model. */
const targetNamesMax = 300;

/**
 * Every metric that Sentinel has, by name, and the registry that shows them. Dashboards, alerts
 * and documents may name these and no others. Names from outside go through `caps` before they
 * become a label's value: `metrics.tokens.with(caps.tenant.of(id), …)`.
 */
export type Metrics = Families & {
  readonly registry: Registry;
  readonly caps: LabelCaps;
  readonly build: { readonly version: string; readonly commit: string; readonly node: string };
};

type Families = ReturnType<typeof requestFamilies> &
  ReturnType<typeof upstreamFamilies> &
  ReturnType<typeof policyFamilies> &
  ReturnType<typeof judgeFamilies> &
  ReturnType<typeof upkeepFamilies>;

export interface LabelCaps {
  readonly tenant: LabelCap;
  readonly model: LabelCap;
  readonly provider: LabelCap;
  /** `provider/model`. */
  readonly target: LabelCap;
  readonly evaluator: LabelCap;
}

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry({
    onCollectFailure: options.onCollectFailure,
    onSeriesOverflow: () => noteOverflow("series"),
  });
  const upkeep = upkeepFamilies(registry);
  const noteOverflow = (label: OverflowLabel): void => upkeep.labelOverflow.with(label).inc();
  const cap = (label: OverflowLabel, max: number): LabelCap =>
    new LabelCap({ max, onOverflow: () => noteOverflow(label) });
  const build = {
    version: options.version,
    commit: options.commit ?? "unknown",
    node: process.version,
  };
  upkeep.buildInfo.with(build.version, build.commit, build.node).set(1);
  upkeep.journalDiskBytes.clear(); // Unknown until somebody has looked.
  return {
    ...requestFamilies(registry),
    ...upstreamFamilies(registry),
    ...policyFamilies(registry),
    ...judgeFamilies(registry),
    ...upkeep,
    registry,
    build,
    caps: {
      tenant: cap("tenant", options.tenantsMax ?? namesMax),
      model: cap("model", options.modelsMax ?? namesMax),
      provider: cap("provider", options.providersMax ?? namesMax),
      target: cap("target", options.targetsMax ?? targetNamesMax),
      evaluator: cap("evaluator", namesMax),
    },
  };
}
