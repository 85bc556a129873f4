import { expect, test } from "vitest";

import { RunningExchanges } from "../../../../src/pipeline/metrics/running-exchanges.ts";
import { endedExchange } from "../../../support/exchanges.ts";

const asking = { provider: "openai", model: "m", startedTickMs: 0 };

test("what runs is counted by whether it streams, and by the provider that is waited for", () => {
  const running = new RunningExchanges();
  const all = [
    endedExchange({ isStream: true, attempts: [{ ...asking, answeredTickMs: 5, status: 200 }] }),
    endedExchange({ attempts: [asking] }),
    endedExchange({ attempts: [{ ...asking, answeredTickMs: 5, status: 200 }] }),
    endedExchange({ attempts: [{ ...asking, answeredTickMs: 5, errorKind: "upstream_error" }] }),
    endedExchange({ attempts: [] }),
  ];
  for (const exchange of all) running.add(exchange);
  expect(running.count()).toEqual({ streams: 1, wholes: 4, byProvider: new Map([["openai", 2]]) });
  for (const exchange of all) running.remove(exchange);
  expect(running.count()).toEqual({ streams: 0, wholes: 0, byProvider: new Map() });
});
