import { CapRoom } from "./jobs/cap-room.ts";
import { askCapped } from "./jobs/capped-ask.ts";
import type { CappedAskDeps, CappedCall } from "./jobs/capped-ask.ts";
import { nanoUsdFrom } from "./lib/usd.ts";
import type { Ask as AskJudge } from "./pipeline/judge/asking/ask-judge.ts";
import { freshNonce } from "./pipeline/judge/asking/fresh-nonce.ts";
import { judge } from "./pipeline/judge/asking/judge.ts";
import type { JudgeTask } from "./pipeline/judge/asking/judge.ts";
import { modelLimits } from "./pipeline/judge/asking/model-limits.ts";
import type { Verdict } from "./pipeline/judge/asking/verdict.ts";
import { judgeCaller, judgeTenantId, systemTenant } from "./tenants/system-tenant.ts";
import type { JudgingParts } from "./wiring-judging.ts";
import type { JobsOf, StoreTools } from "./wiring-stores.ts";

/** For the provider: a verdict is some hundred words. */
const judgeMs = 60_000;

/** What one tenant's judging may cost in a day; undefined: the operator's own. */
export interface TenantLimit {
  readonly tenantId: string;
  readonly nanoUsd: number | undefined;
  readonly tokens: number | undefined;
}

export type JudgeWithin = (
  task: Omit<JudgeTask, "ask">,
  limit: TenantLimit | undefined,
) => Promise<Verdict>;

/** Judges by asking through the gateway, within the caps of the day. */
export function judgeIn(
  jobs: JobsOf,
  { accounting, routing, measuring, ask }: JudgingParts,
  { settings, clock, log }: StoreTools,
): JudgeWithin {
  const nowMs = (): number => clock.epochMs();
  const platform = {
    id: "platform",
    limit: { nanoUsd: nanoUsdFrom(settings.judge.dailyBudgetUsd), tokens: undefined },
  };
  const deps: CappedAskDeps = {
    caps: jobs,
    room: new CapRoom(),
    targetsOf: async (model) => (await routing.table.current.find(model)).targets,
    quoteOf: (provider, model) => routing.table.quoteOf(provider, model),
    nowMs,
    onOverrun: (used, reserved) => {
      log.warn(
        { used, reserved },
        "a judge's provider has counted more than the request allowed; the day's cap may be exceeded by it",
      );
    },
    onError: (error) => {
      log.warn({ err: error }, "what judging cost was not noted; it stays reserved for the day");
    },
  };
  const tools = { limits: modelLimits(), random: Math.random, nonce: freshNonce };
  const makeTenant = once(() =>
    accounting.stores.tenants.createTenant(systemTenant(nowMs(), judgeTenantId)),
  );
  return (task, limit) => {
    const caller = judgeCaller(limit?.tenantId);
    const caps =
      limit === undefined ? [platform] : [{ id: `tenant:${limit.tenantId}`, limit }, platform];
    const askJudge: AskJudge = ({ body, signal, noteSpend }) => {
      const call: CappedCall<{ readonly value: typeof body }> = {
        body,
        caps,
        mustBePriced: limit?.nanoUsd !== undefined,
        signal,
        ask: (used) =>
          ask({
            caller,
            body,
            signal,
            timeoutMs: judgeMs,
            noteSpend: (spend) => {
              const { nanoUsd, inputTokens, outputTokens } = spend;
              noteSpend(spend);
              used({ nanoUsd, tokens: inputTokens + outputTokens });
              measuring.judging.onSpent(limit?.tenantId, nanoUsd);
            },
          }),
      };
      makeTenant();
      return askCapped(call, deps);
    };
    return judge({ ...task, ask: askJudge }, tools);
  };
}

/** Reports name only tenants that there are; nothing else depends on it, and it is tried once more at the next start. */
function once(work: () => Promise<unknown>): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    work().catch(() => {
      isDone = false;
    });
  };
}
