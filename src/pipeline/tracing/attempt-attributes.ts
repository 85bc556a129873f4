import type { Attributes } from "@opentelemetry/api";

import type { Attempt } from "../../providers/provider.ts";
import { genAi, general, operations, sentinel } from "../../telemetry/genai/attributes.ts";
import type { AttemptAccount } from "../cost/account.ts";
import type { CountedUsage } from "../cost/used.ts";
import type { Exchange } from "../exchange.ts";
import { isServing } from "../attempt-end.ts";
import { addRequest } from "./request-attributes.ts";

/** A model's name may be the client's own invention. */
export const modelLengthMax = 256;

/** Who is asked, for what. Of a model that is not known as a vendor's, the provider's own name. */
export function targetAttributes(exchange: Exchange, attempt: Attempt): Attributes {
  const { upstream } = attempt;
  const attributes: Attributes = {
    [genAi.operationName]: operations[exchange.endpoint],
    [genAi.providerName]: upstream?.vendor ?? attempt.provider,
    [genAi.requestModel]: attempt.model.slice(0, modelLengthMax),
  };
  if (upstream?.address !== undefined) attributes[general.serverAddress] = upstream.address;
  if (upstream?.port !== undefined) attributes[general.serverPort] = upstream.port;
  return attributes;
}

/** Everything that is told of one attempt. `index` is its place among the exchange's attempts. */
export function attemptAttributes(
  exchange: Exchange,
  attempt: Attempt,
  index: number,
  errorType: string | undefined,
): Attributes {
  const attributes = targetAttributes(exchange, attempt);
  addRequest(attributes, exchange);
  attributes[sentinel.requestId] = exchange.id;
  attributes[sentinel.provider] = attempt.provider;
  attributes[sentinel.attempt] = index + 1;
  if (attempt.keyId !== undefined) attributes[sentinel.providerKey] = attempt.keyId;
  if (errorType !== undefined) attributes[general.errorType] = errorType;
  const status = statusOf(attempt);
  if (status !== undefined) attributes[general.httpStatus] = status;
  const account = exchange.account?.attempts[index];
  if (account !== undefined) addAccount(attributes, account);
  if (attempt === exchange.attempts.at(-1) && attempt.errorKind === undefined) {
    addAnswer(attributes, exchange, attempt);
  }
  return attributes;
}

/** The provider's own; other failures have a status of ours, which nobody has sent. */
function statusOf({ errorKind, status }: Attempt): number | undefined {
  return errorKind === undefined || errorKind === "provider_rejected" ? status : undefined;
}

function addAccount(attributes: Attributes, { usage, cost }: AttemptAccount): void {
  attributes[sentinel.costUsd] = cost.nanoUsd / 1e9;
  attributes[sentinel.costStatus] = cost.status;
  if (usage !== undefined) addUsage(attributes, usage);
}

function addUsage(attributes: Attributes, usage: CountedUsage): void {
  attributes[genAi.usageInputTokens] = usage.inputTokens;
  attributes[genAi.usageOutputTokens] = usage.outputTokens;
  attributes[sentinel.usageSource] = usage.source;
  if (usage.cachedInputTokens > 0) attributes[genAi.usageCacheReadTokens] = usage.cachedInputTokens;
  if (usage.cacheWriteTokens > 0) {
    attributes[genAi.usageCacheCreationTokens] = usage.cacheWriteTokens;
  }
  if (usage.reasoningTokens > 0) attributes[genAi.usageReasoningTokens] = usage.reasoningTokens;
}

function addAnswer(attributes: Attributes, exchange: Exchange, attempt: Attempt): void {
  const { firstTokenTickMs } = exchange;
  if (isServing(exchange, attempt) && firstTokenTickMs !== undefined) {
    const firstMs = firstTokenTickMs - attempt.startedTickMs;
    attributes[genAi.responseTimeToFirstChunk] = Math.max(0, firstMs) / 1_000;
  }
  const notes = exchange.readNotes?.();
  if (notes === undefined) return;
  if (notes.id !== undefined) attributes[genAi.responseId] = notes.id;
  if (notes.model !== undefined) attributes[genAi.responseModel] = notes.model;
  if (notes.finishReasons.length > 0) {
    attributes[genAi.responseFinishReasons] = [...notes.finishReasons];
  }
}
