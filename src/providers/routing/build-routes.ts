import type { Clock } from "../../lib/clock.ts";
import type { Deadlines } from "../deadlines.ts";
import { only } from "../policies/first-of.ts";
import type { Price } from "../prices/price.ts";
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
  readonly targets: readonly Target[];
  readonly provider: Provider;
}

export interface AliasEntry {
  readonly alias: string;
  readonly strategy: Strategy;
  readonly retries: number;
  readonly targets: readonly AliasTarget[];
}

export interface AliasTarget {
  readonly providerName: string;
  readonly model: string;
  readonly deadlines: Deadlines;
  readonly weight: number;
  readonly price: Price | undefined;
}

export interface RouteTools {
  readonly clock: Clock;
  readonly homes: ConversationHomes;
  /** In [0, 1). */
  readonly random: () => number;
}

/** The route of an alias, to those of its targets whose provider there is. */
export function aliasRoute(
  { alias, strategy, retries, targets }: AliasEntry,
  suppliers: ReadonlyMap<string, Supplier>,
  { clock, homes, random }: RouteTools,
): Route {
  const routed = targets.flatMap(({ providerName, model, deadlines, weight, price }) => {
    const supplier = suppliers.get(providerName);
    if (supplier === undefined) return [];
    const target = buildTarget({ supplier, model, deadlines, retriesMax: retries, clock });
    return [{ target, weight, price } satisfies RouteTarget];
  });
  const tools = { homes, random, nowMs: () => clock.tickMs() };
  return {
    name: alias,
    targets: routed.map(({ target }) => target),
    provider: routeProvider(strategy, routed, tools),
  };
}

/** The route of a model that goes by its own name. */
export function plainRoute(name: string, options: TargetOptions): Route {
  const target = buildTarget(options);
  return { name, targets: [target], provider: only(target) };
}
