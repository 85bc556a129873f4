import type { Attributes } from "@opentelemetry/api";

import { genAi, general, operations } from "../../telemetry/genai/attributes.ts";
import type { GenAiMetrics } from "../../telemetry/genai/metrics.ts";
import { LabelCap, servedName } from "../../telemetry/metrics/label-cap.ts";
import type { Exchange, ExchangeEnd } from "../exchange.ts";
import { lastAttempt } from "../exchange.ts";
import type { ExchangeSink } from "../settle.ts";
import { targetAttributes } from "./attempt-attributes.ts";
import { attemptEndTickMs } from "../attempt-end.ts";
import { attemptError } from "./attempt-error.ts";

/** Names of models that have figures of their own; all others share `_other`. */
export const modelNamesMax = 100;
/** Who answered where no provider was asked. */
const noProvider = "sentinel";

export interface ExchangeFiguresDeps {
  readonly metrics: Pick<GenAiMetrics, "record">;
  readonly onError: (error: unknown) => void;
}

/** The figures of the GenAI conventions: Sentinel as the client of its providers, and as a server itself. */
export const exchangeFigures = ({ metrics, onError }: ExchangeFiguresDeps): ExchangeSink => {
  const names = new LabelCap({ max: modelNamesMax, onOverflow: () => undefined });
  return {
    record: (exchange) => {
      try {
        recordAttempts(exchange, metrics, names);
        if (exchange.trace?.isInternal !== true) recordRequest(exchange, metrics, names);
      } catch (error) {
        onError(error);
      }
    },
  };
};

function recordAttempts(
  exchange: Exchange,
  metrics: ExchangeFiguresDeps["metrics"],
  names: LabelCap,
): void {
  for (const [index, attempt] of exchange.attempts.entries()) {
    const attributes = targetAttributes(exchange, attempt);
    attributes[genAi.requestModel] = servedName(
      names,
      attempt.model,
      attempt.errorKind === undefined,
    );
    const endedTickMs = attemptEndTickMs(exchange, attempt);
    const errorType = attemptError(exchange, attempt);
    const durationS = (endedTickMs - attempt.startedTickMs) / 1_000;
    metrics.record("operationDuration", durationS, withError(attributes, errorType));
    const usage = exchange.account?.attempts[index]?.usage;
    // The conventions want what was counted; what was estimated is in Sentinel's own metrics.
    if (usage?.source !== "provider") continue;
    metrics.record("tokenUsage", usage.inputTokens, { ...attributes, [genAi.tokenType]: "input" });
    metrics.record("tokenUsage", usage.outputTokens, {
      ...attributes,
      [genAi.tokenType]: "output",
    });
  }
}

function recordRequest(
  exchange: Exchange,
  metrics: ExchangeFiguresDeps["metrics"],
  names: LabelCap,
): void {
  const { end, startedTickMs } = exchange;
  if (end === undefined) return;
  const failure = end.outcome.kind === "failed" ? end.outcome.failure : undefined;
  const attributes: Attributes = {
    [genAi.operationName]: operations[exchange.endpoint],
    [genAi.providerName]: answeredBy(exchange),
    [genAi.requestModel]: servedName(names, exchange.model, failure === undefined),
  };
  const durationS = (end.tickMs - startedTickMs) / 1_000;
  metrics.record("requestDuration", durationS, withError(attributes, failure?.kind));
  if (failure === undefined && exchange.isStream) recordPace(exchange, end, attributes, metrics);
}

function answeredBy(exchange: Exchange): string {
  const attempt = lastAttempt(exchange);
  return attempt?.upstream?.vendor ?? attempt?.provider ?? noProvider;
}

/** Of a stream that went well. */
function recordPace(
  { startedTickMs, firstTokenTickMs, account }: Exchange,
  end: ExchangeEnd,
  attributes: Attributes,
  metrics: ExchangeFiguresDeps["metrics"],
): void {
  if (firstTokenTickMs === undefined) return;
  metrics.record("timeToFirstToken", (firstTokenTickMs - startedTickMs) / 1_000, attributes);
  const laterTokens = (account?.usage?.outputTokens ?? 0) - 1;
  if (laterTokens < 1) return;
  const perTokenS = (end.tickMs - firstTokenTickMs) / 1_000 / laterTokens;
  metrics.record("timePerOutputToken", perTokenS, attributes);
}

const withError = (attributes: Attributes, errorType: string | undefined): Attributes =>
  errorType === undefined ? attributes : { ...attributes, [general.errorType]: errorType };
