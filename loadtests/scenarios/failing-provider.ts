import { runAutocannon } from "../load/autocannon-run.ts";
import { refusedCount } from "../load/measured.ts";
import { chatPath, freshChat } from "../load/requests.ts";
import { answersSomething, type LoadScenario } from "../load/scenario.ts";

/** Aliases of loadtests/load.yaml. Each of them begins at a provider that fails, and can go to one that does not. */
const aliases = ["load-down", "load-failing", "load-silent", "load-cut"] as const;
const errorShareMax = 0.01;

/** What clients notice of a provider that answers 503, says nothing, or cuts the connection. */
export const failingProvider: LoadScenario = {
  name: "failing-provider",
  summary:
    "a provider that fails, with another behind it: clients hardly notice (needs the aliases of loadtests/load.yaml)",
  defaults: { seconds: 20, connections: 20, ratePerSecond: 100 },
  modelsOf: () => aliases,
  drive: ({ gateway: { url, key, models }, size, live, signal }) => {
    const missing = aliases.filter((alias) => !models.some(({ id }) => id === alias));
    if (missing.length > 0) {
      throw new Error(
        `This gateway has no ${missing.join(", ")}. failing-provider needs loadtests/load.yaml as its configuration and the mock provider: npm run load:gateway starts both.`,
      );
    }
    let turn = 0;
    const next = () => {
      const alias = aliases[turn++ % aliases.length] ?? aliases[0];
      return { path: chatPath, key, body: freshChat(alias) };
    };
    return runAutocannon({ url, size, live, signal, next });
  },
  expect: (measured) => {
    const failed = refusedCount(measured) + measured.errorCount;
    const share = failed / Math.max(1, measured.answeredCount + measured.errorCount);
    return [
      answersSomething(measured),
      {
        says: `less than ${errorShareMax * 100} % of the clients saw an error (${(share * 100).toFixed(2)} %)`,
        isMet: share < errorShareMax,
      },
      {
        says: "the provider did fail: some answers took several attempts",
        isMet: measured.severalAttemptsCount > 0,
      },
    ];
  },
};
