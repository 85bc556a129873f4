import { judgeJobId, judgeKind } from "../pipeline/judge/sampling/judge-job.ts";
import type { RecentExchanges } from "../pipeline/judge/sampling/recent-exchanges.ts";
import type { JobStore } from "./job-store.ts";

export interface ForgetJudgedDeps {
  readonly jobs: Pick<JobStore, "forget">;
  readonly recent: Pick<RecentExchanges, "take">;
  readonly evaluators: {
    readonly list: () => readonly { readonly evaluator: { readonly name: string } }[];
  };
}

/**
 * A request's text is to be erased: what is not judged yet of it never is, also what the store of jobs was not given yet.
 * Resolves to whether there was anything. Rejects with `store_unavailable`: nobody is told that it is gone while it is not.
 */
export const forgetJudged =
  ({ jobs, recent, evaluators }: ForgetJudgedDeps) =>
  async (tenantId: string, requestId: string): Promise<boolean> => {
    const isRecent = recent.take(tenantId, requestId) !== undefined;
    const ids = evaluators.list().map(({ evaluator }) => judgeJobId(requestId, evaluator.name));
    const count = await jobs.forget({ kind: judgeKind, tenantId, ids });
    return isRecent || count > 0;
  };
