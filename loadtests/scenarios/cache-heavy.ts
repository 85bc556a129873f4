import { runAutocannon } from "../load/autocannon-run.ts";
import { refusedCount } from "../load/measured.ts";
import { chatAbout, chatPath, freshChat } from "../load/requests.ts";
import { answersSomething, type LoadScenario } from "../load/scenario.ts";

/** Of ten requests nine are one of so many that are asked again and again. */
const repeatedCount = 50;
const freshEvery = 10;
const hitShareMin = 0.8;

/** What an app with many users and few questions asks. */
export const cacheHeavy: LoadScenario = {
  name: "cache-heavy",
  summary: "nine of ten requests were asked before: most of them must come from the cache",
  defaults: { seconds: 15, connections: 50 },
  modelsOf: (model) => [model],
  drive: ({ gateway: { url, key }, size, model, live, signal }) => {
    let turn = 0;
    const body = (): string => {
      turn++;
      if (turn % freshEvery === 0) return freshChat(model);
      return chatAbout(model, `frequent question ${turn % repeatedCount}`);
    };
    const next = () => ({ path: chatPath, key, body: body() });
    return runAutocannon({ url, size, live, signal, next });
  },
  expect: (measured) => {
    const { exact = 0, semantic = 0 } = measured.cache;
    const share = (exact + semantic) / Math.max(1, measured.answeredCount);
    const percent = (value: number): string => `${(value * 100).toFixed(0)} %`;
    return [
      answersSomething(measured),
      {
        says: `at least ${percent(hitShareMin)} came from the cache (${percent(share)})`,
        isMet: share >= hitShareMin,
      },
      { says: "no request was refused or failed", isMet: refusedCount(measured) === 0 },
      { says: "no connection failed", isMet: measured.errorCount === 0 },
    ];
  },
};
