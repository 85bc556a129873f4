import type { Exchange } from "../../exchange.ts";
import type { Journal } from "../../journal.ts";
import type { ExchangeSink } from "../../settle.ts";
import { answerSaid } from "./answer-said.ts";
import { judgeJobs, toJudge } from "./judge-job.ts";
import { judgePolicyOf } from "./judge-policy-of.ts";
import { isJudgedEndpoint } from "./judged-text.ts";
import type { RecentExchanges } from "./recent-exchanges.ts";
import { sampleOf } from "./sample.ts";

export interface JudgingDeps {
  readonly journal: Pick<Journal, "jobs">;
  readonly recent: Pick<RecentExchanges, "add">;
  /** Told of our own faults: a request does not fail by its judging. */
  readonly onError: (error: unknown, exchange: Exchange) => void;
}

/**
 * Puts what is to be judged into the journal, from where it becomes jobs: before the request's own record, so that a
 * request that is accounted and sampled has its jobs whatever is killed in between. Runs once per request; costs a look
 * at one field where the tenant has nothing judged, and some 50 µs and an append for what is sampled.
 */
export const judging = ({ journal, recent, onError }: JudgingDeps): ExchangeSink => ({
  record: (exchange) => {
    const policy = judgePolicyOf(exchange.caller);
    if (policy === undefined || !isJudgeable(exchange)) return;
    const { id, model, endpoint } = exchange;
    if (!isJudgedEndpoint(endpoint)) return;
    try {
      const isError = exchange.end?.outcome.kind === "failed";
      const by = sampleOf(policy, { id, model, isError, isFlagged: false });
      if (by === undefined) {
        recent.add(exchange, endpoint);
        return;
      }
      const said = answerSaid(endpoint, exchange);
      if (said === undefined) return;
      journal.jobs(judgeJobs(policy, by, toJudge(exchange, endpoint, said)));
    } catch (error) {
      onError(error, exchange);
    }
  },
});

/** What a client called off says nothing about the model; what was never answered has nothing to judge. */
function isJudgeable({ end, spoken, answerBytes }: Exchange): boolean {
  if (end === undefined) return false;
  if (end.outcome.kind === "failed" && end.outcome.failure.kind === "client_closed_request") {
    return false;
  }
  return spoken !== undefined ? spoken.characters > 0 : answerBytes !== undefined;
}
