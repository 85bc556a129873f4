import type { Ranking } from "../policies/first-of.ts";
import type { ProviderCall } from "../provider.ts";
import type { Speed } from "../target-health.ts";
import { closeFactor, fastestMs, latencyOrder } from "./latency.ts";
import { byHash, settler } from "./rank-by-weight.ts";
import { inOrder, isReady, ranked, withFirst } from "./ranking.ts";
import type { Candidate, Rank, RankingTools } from "./ranking.ts";

/** A conversation stays where it is as long as that is not slower than the best by more than this factor. */
export const stayFactor = 2;
/** Of the requests that could renew what is known of a target, so many do; fewer of those with a cache to lose. */
const exploringShare = { free: 0.1, settled: 0.02 } as const;

/**
 * The fastest first. A conversation stays where it was served last while that is up and not much slower; a new
 * one goes where its hash has it among those that are as fast as the best, so that replicas agree.
 */
export const rankByLatency =
  (candidates: readonly Candidate[], tools: RankingTools): Rank =>
  (call) => {
    const { conversation } = call;
    const { homes } = tools;
    const home = conversation.isSticky ? homes.get(conversation.hash) : undefined;
    const share = home === undefined ? exploringShare.free : exploringShare.settled;
    const { order, isExploring } = fastestFirst(candidates, call, {
      ...tools,
      exploringShare: share,
    });
    if (!conversation.isSticky) return ranked(order, settler(conversation, homes));
    // One that is only sent to find out has its home where it was.
    if (isExploring && home !== undefined) return ranked(order);
    const onServed: Ranking["onServed"] = ({ name }) => {
      homes.set(conversation.hash, name);
    };
    const first = isExploring ? undefined : placeOf(candidates.filter(isReady), call, home);
    return ranked(withFirst(order, first), onServed);
  };

function fastestFirst(
  candidates: readonly Candidate[],
  call: ProviderCall,
  tools: Pick<RankingTools, "random" | "nowMs"> & { readonly exploringShare: number },
): { readonly order: readonly Candidate[]; readonly isExploring: boolean } {
  const ready = candidates.filter(isReady);
  const resting = candidates.filter((candidate) => !ready.includes(candidate));
  const speeds = ready.map((candidate) => speedOf(candidate, call));
  const nowMs = tools.nowMs();
  const { order, explored } = latencyOrder(speeds, { ...tools, nowMs });
  const sent = explored === undefined ? undefined : speeds[explored];
  if (sent !== undefined) sent.exploredAtMs = nowMs;
  return { order: [...inOrder(ready, order), ...resting], isExploring: sent !== undefined };
}

/** The target that a conversation belongs to, of those that are up. */
function placeOf(
  ready: readonly Candidate[],
  call: ProviderCall,
  home: string | undefined,
): string | undefined {
  const bestMs = fastestMs(ready.map((candidate) => speedOf(candidate, call)));
  const stays = ready.find(({ target }) => target.name === home);
  if (stays !== undefined) {
    const { averageMs = bestMs } = speedOf(stays, call).measurement ?? {};
    if (averageMs <= bestMs * stayFactor) return home;
  }
  const fast = ready.filter((candidate) => {
    const { averageMs = Number.POSITIVE_INFINITY } = speedOf(candidate, call).measurement ?? {};
    return averageMs <= bestMs * closeFactor;
  });
  return byHash(fast, call.conversation.hash)[0]?.target.name;
}

function speedOf({ target: { health } }: Candidate, call: ProviderCall): Speed {
  return call.isStream ? health.streams : health.wholes;
}
