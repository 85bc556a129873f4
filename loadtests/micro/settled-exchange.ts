import { fromObject } from "../../src/lib/json-text.ts";
import { beginExchange } from "../../src/pipeline/exchange.ts";
import type { Exchange } from "../../src/pipeline/exchange.ts";
import { notesOfWhole } from "../../src/pipeline/tracing/answer-notes.ts";
import type { TraceContext } from "../../src/telemetry/tracing/trace-context.ts";

const usage = {
  inputTokens: 120,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 60,
  reasoningTokens: 0,
  source: "provider",
} as const;
const cost = { nanoUsd: 54_000, status: "exact" } as const;
const request = fromObject({ model: "fast", messages: [], temperature: 0.2, max_tokens: 200 });
const readNotes = notesOfWhole({
  id: "chatcmpl-1",
  model: "gpt-4o-mini-2024-07-18",
  choices: [{ finish_reason: "stop" }],
});

/** A whole answer that is over and accounted, after one attempt. */
export function settledExchange(trace: TraceContext | undefined): Exchange {
  const startedTickMs = performance.now() - 800;
  const attempt = {
    provider: "openai",
    model: "gpt-4o-mini",
    upstream: { vendor: "openai", address: "api.openai.com", port: 443 },
    startedTickMs: startedTickMs + 1,
    answeredTickMs: startedTickMs + 799,
    keyId: "0123456789ab",
    status: 200,
  };
  const exchange = beginExchange({
    id: "01KC2J9M4T0000000000000000",
    clientRequestId: undefined,
    caller: { tenantId: "acme", keyId: "0123456789abcdef", role: "inference", policies: [] },
    endpoint: "chat",
    model: "fast",
    isStream: false,
    request,
    requestBytes: Buffer.from(request.text),
    pin: undefined,
    clientHeaders: {},
    tags: {},
    userAgent: undefined,
    trace,
    signal: new AbortController().signal,
    timeoutMs: undefined,
    startedEpochMs: Date.now(),
    startedTickMs,
    arrival: { identifiedTickMs: startedTickMs + 0.1, bodyTickMs: startedTickMs + 0.2 },
  });
  exchange.attempts.push(attempt);
  exchange.cache = { outcome: "miss" };
  exchange.stages.cache = 0.02;
  exchange.stages.admit = 0.05;
  exchange.firstEventTickMs = startedTickMs + 799;
  exchange.readNotes = readNotes;
  exchange.account = { attempts: [{ attempt, usage, cost }], usage, cost, quote: undefined };
  exchange.end = { outcome: { kind: "ok" }, tickMs: startedTickMs + 800 };
  return exchange;
}
