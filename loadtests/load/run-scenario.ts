import type { GatewayUnderLoad } from "./gateway-under-load.ts";
import { readMetrics, saidBetween, type Reading } from "./gateway-metrics.ts";
import { LiveFigures } from "./live-figures.ts";
import { showProgress } from "./progress.ts";
import type { ScenarioReport } from "./report.ts";
import type { LoadScenario, LoadSize } from "./scenario.ts";

export interface ScenarioRun {
  readonly gateway: GatewayUnderLoad;
  readonly model: string;
  /** What the caller wants otherwise than the scenario. */
  readonly size: Partial<LoadSize>;
  readonly metricsToken: string | undefined;
  readonly signal: AbortSignal;
  readonly out: NodeJS.WriteStream;
}

/** Runs one scenario, with a line that shows how it goes, and puts together what clients and gateway saw. */
export async function runScenario(
  scenario: LoadScenario,
  { gateway, model, size, metricsToken, signal, out }: ScenarioRun,
): Promise<ScenarioReport> {
  const wanted = { ...scenario.defaults, ...size };
  const live = new LiveFigures();
  const before = await readMetrics(gateway.url, metricsToken);
  const measured = await (async () => {
    using _line = showProgress(scenario.name, live, out);
    return await scenario.drive({ gateway, size: wanted, model, live, signal });
  })();
  const after = await readMetrics(gateway.url, metricsToken);
  return {
    scenario: scenario.name,
    model,
    size: wanted,
    measured,
    gateway: gatewayPart(before, after),
    expectations: scenario.expect(measured),
  };
}

function gatewayPart(before: Reading, after: Reading): ScenarioReport["gateway"] {
  if (before.kind === "unread") return before;
  if (after.kind === "unread") return after;
  const said = saidBetween(before.samples, after.samples);
  if (said === undefined) return { kind: "unread", reason: "they have no sentinel_requests_total" };
  return { kind: "read", said };
}
