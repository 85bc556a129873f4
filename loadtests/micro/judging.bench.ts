/**
 * What it costs a request, when it is settled, that answers may be judged: where its tenant has none judged, where it has
 * and the request is not sampled, and where it is; with the journal's line, and without the write.
 *
 *     node loadtests/micro/judging.bench.ts
 */
import { fromObject } from "../../src/lib/json-text.ts";
import type { Exchange } from "../../src/pipeline/exchange.ts";
import { judging } from "../../src/pipeline/judge/sampling/judging.ts";
import { RecentExchanges } from "../../src/pipeline/judge/sampling/recent-exchanges.ts";
import type { JobsRecord } from "../../src/pipeline/journal.ts";
import { jobsText } from "../../src/stores/disk/journal-line.ts";
import type { JudgePolicy } from "../../src/tenants/judge-policy.ts";
import { nextWholeRequest } from "../harness/chat-requests.ts";
import { wholeAnswer } from "../harness/mock-answers.ts";
import { settledExchange } from "./settled-exchange.ts";
import { inTurns, printFigures } from "./turns.ts";

const onError = (error: unknown): never => {
  throw error;
};
const recent = new RecentExchanges(Date.now);
let characters = 0;
const deciding = judging({ journal: { jobs: () => undefined }, recent, onError });
const writing = judging({
  journal: {
    jobs: (record: JobsRecord) => {
      characters += jobsText(record).length;
    },
  },
  recent,
  onError,
});

/** 2 KB of a chat and 600 bytes of an answer, as `npm run bench` has them. */
function answered(judge: JudgePolicy | undefined): Exchange {
  const settled = settledExchange(undefined);
  const policies = [judge === undefined ? {} : { judge }];
  const request = fromObject(JSON.parse(nextWholeRequest()) as Record<string, unknown>);
  return {
    ...settled,
    startedEpochMs: Date.now(),
    request,
    requestBytes: Buffer.from(request.text),
    caller: { ...settled.caller, policies },
    answerBytes: wholeAnswer,
  };
}

const policy = {
  evaluators: ["relevance", "helpfulness"],
  model: "mock-judge",
  daily_budget_usd: "1",
} as const;
const unjudged = answered(undefined);
/** More than are kept for complaints, as each is kept once. */
const unsampledCount = 16_384;
const unsampled = Array.from({ length: unsampledCount }, (_, index) => ({
  ...answered({ ...policy, sample_rate: 0 }),
  id: `unsampled-${index}`,
}));
let next = 0;
const sampled = answered({ ...policy, sample_rate: 1 });

const cases = {
  "nothing (the loop itself)": () => undefined,
  "no policy": () => {
    deciding.record(unjudged);
  },
  "not sampled, and kept for a complaint": () => {
    const exchange = unsampled[next++ % unsampledCount];
    if (exchange !== undefined) deciding.record(exchange);
  },
  "sampled, two evaluators": () => {
    deciding.record(sampled);
  },
  "sampled, with the journal's line": () => {
    writing.record(sampled);
  },
};
const turns = { operations: 50_000, rounds: 9 };
printFigures(inTurns(cases, turns), turns, "µs");
if (characters === 0) throw new Error("nothing was sampled");
