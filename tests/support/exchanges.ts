import { fromObject } from "../../src/lib/json-text.ts";
import type { Exchange } from "../../src/pipeline/exchange.ts";
import { beginStages } from "../../src/pipeline/stage-times.ts";

/** An exchange that has ended well with one attempt, after 120 ms, 100 of them its provider's. */
export function endedExchange(changes: Partial<Exchange> = {}): Exchange {
  const request = fromObject({ model: "fast", messages: [] });
  const attempt = { provider: "openai", model: "gpt-4o-mini", startedTickMs: 10 };
  return {
    id: "01",
    clientRequestId: undefined,
    caller: { tenantId: "acme", keyId: "k1", role: "inference", policies: [] },
    endpoint: "chat",
    model: "fast",
    request,
    requestBytes: Buffer.from(request.text),
    isStream: false,
    tags: {},
    userAgent: undefined,
    trace: undefined,
    startedEpochMs: 0,
    startedTickMs: 0,
    attempts: [{ ...attempt, answeredTickMs: 110, status: 200 }],
    stages: beginStages(0, undefined),
    firstEventTickMs: 110,
    end: { outcome: { kind: "ok" }, tickMs: 120 },
    ...changes,
  };
}
