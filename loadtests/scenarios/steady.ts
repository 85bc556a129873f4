import { runAutocannon } from "../load/autocannon-run.ts";
import { chatPath, freshChat } from "../load/requests.ts";
import { refusedCount } from "../load/measured.ts";
import { answersSomething, type LoadScenario } from "../load/scenario.ts";

/** Whole answers at a load that a gateway carries all day. */
export const steady: LoadScenario = {
  name: "steady",
  summary: "whole answers at a fixed rate: nothing may fail",
  defaults: { seconds: 20, connections: 20, ratePerSecond: 200 },
  modelsOf: (model) => [model],
  drive: ({ gateway: { url, key }, size, model, live, signal }) =>
    runAutocannon({
      ...{ url, size, live, signal },
      next: () => ({ path: chatPath, key, body: freshChat(model) }),
    }),
  expect: (measured) => [
    answersSomething(measured),
    { says: "no request was refused or failed", isMet: refusedCount(measured) === 0 },
    { says: "no connection failed", isMet: measured.errorCount === 0 },
  ],
};
