import type { Clock } from "../../lib/clock.ts";
import type { Deadlines } from "../deadlines.ts";
import { only } from "../policies/first-of.ts";
import type { Quote } from "../prices/quote.ts";
import type { Provider } from "../provider.ts";
import { buildTarget } from "../target.ts";
import type { Supplier, Target, TargetOptions } from "../target.ts";
import type { ConversationHomes } from "./conversation-homes.ts";
import { routeProvider } from "./route-provider.ts";
import type { RouteTarget, Strategy } from "./route-provider.ts";

/** What serves one model name. */
export interface Route {
  /** The name that the route goes by: an alias, or the model's own. */
  readonly name: string;
  readonly strategy: Strategy;
  readonly targets: readonly Target[];
  /** The answer of a client who left is read on, up to so many tokens; undefined: it is cancelled. */
  readonly drainTokensMax?: number | undefined;
  readonly provider: Provider;
}

export interface AliasEntry {
  readonly alias: string;
  readonly strategy: Strategy;
  readonly retries: number;
  readonly drainTokensMax?: number | undefined;
  readonly targets: readonly AliasTarget[];
}

export interface AliasTarget {
  readonly providerName: string;
  readonly model: string;
  readonly deadlines: Deadlines;
  readonly weight: number;
  /** What it costs now; undefined where nobody knows. */
  readonly quote: () => Quote | undefined;
}

export interface RouteTools {
  readonly clock: Clock;
  readonly homes: ConversationHomes;
  /** In [0, 1). */
  readonly random: () => number;
}

/** The route of an alias, to those of its targets whose provider there is. */
export function aliasRoute(
  { alias, strategy, retries, drainTokensMax, targets }: AliasEntry,
  suppliers: ReadonlyMap<string, Supplier>,
  { clock, homes, random }: RouteTools,
): Route {
  const routed = targets.flatMap(({ providerName, model, deadlines, weight, quote }) => {
    const supplier = suppliers.get(providerName);
    if (supplier === undefined) return [];
    const target = buildTarget({ supplier, model, deadlines, retriesMax: retries, clock });
    return [{ target, weight, quote } satisfies RouteTarget];
  });
  const tools = { homes, random, nowMs: () => clock.tickMs() };
  return {
    name: alias,
    strategy,
    targets: routed.map(({ target }) => target),
    drainTokensMax,
    provider: routeProvider(strategy, routed, tools),
  };
}

/** The route of a model that goes by its own name. */
export function plainRoute(
  name: string,
  { drainTokensMax, ...options }: TargetOptions & Pick<Route, "drainTokensMax">,
): Route {
  const target = buildTarget(options);
  const provider = only(target);
  return { name, strategy: "priority", targets: [target], drainTokensMax, provider };
}
