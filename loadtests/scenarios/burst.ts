import { runAutocannon } from "../load/autocannon-run.ts";
import { percentile } from "../harness/percentile.ts";
import { chatPath, freshChat } from "../load/requests.ts";
import { together, refusedCount, type Measured } from "../load/measured.ts";
import { answersSomething, type LoadContext, type LoadScenario } from "../load/scenario.ts";

const bursts = 3;
/** A tenth of the connections ask while it is quiet. */
const quietShare = 0.1;
const phaseSecondsMin = 1;

/** Quiet, then everybody at once, three times over, and quiet again. */
export const burst: LoadScenario = {
  name: "burst",
  summary: "quiet, then many connections at once, three times: it has to recover",
  defaults: { seconds: 21, connections: 300 },
  modelsOf: (model) => [model],
  drive,
  expect: (measured) => [
    answersSomething(measured),
    {
      says: "whoever was refused was told to come again (429, 503), and nobody got another error",
      isMet: Object.keys(measured.statuses).every((status) => /^2|^429$|^503$/.test(status)),
    },
    { says: "after the last burst everything was answered", isMet: measured.faults.length === 0 },
    { says: "no connection failed", isMet: measured.errorCount === 0 },
  ],
};

async function drive({ gateway, size, model, live, signal }: LoadContext): Promise<Measured> {
  const seconds = Math.max(phaseSecondsMin, size.seconds / (bursts * 2 + 1));
  const quiet = { seconds, connections: Math.max(1, Math.round(size.connections * quietShare)) };
  const run = (phase: { readonly seconds: number; readonly connections: number }) =>
    runAutocannon({
      ...{ url: gateway.url, live, signal },
      size: { ...phase, ratePerSecond: size.ratePerSecond },
      next: () => ({ path: chatPath, key: gateway.key, body: freshChat(model) }),
    });
  const parts: Measured[] = [await run(quiet)];
  for (let at = 0; at < bursts && !signal.aborted; at++) {
    parts.push(await run({ seconds, connections: size.connections }), await run(quiet));
  }
  const last = parts.at(-1);
  const hasRecovered = last !== undefined && last.answeredCount > 0;
  const failed = last === undefined ? 0 : refusedCount(last) + last.errorCount;
  const p99s = parts.map(({ latenciesMs }) =>
    latenciesMs.length === 0 ? "–" : percentile(latenciesMs, 0.99).toFixed(0),
  );
  return {
    ...together(parts),
    notes: [`p99 in turns, quiet and burst: ${p99s.join(", ")} ms`],
    faults: [
      ...(hasRecovered ? [] : ["nothing was answered after the last burst"]),
      ...(failed === 0 ? [] : [`${failed} requests failed after the last burst`]),
    ],
  };
}
