import { Failure } from "../../src/errors.ts";
import { fromObject } from "../../src/lib/json-text.ts";
import type { Endpoint } from "../../src/protocol/endpoints.ts";
import { Conversation } from "../../src/providers/conversation.ts";
import { defaultDeadlines } from "../../src/providers/deadlines.ts";
import { KeyRing } from "../../src/providers/key-ring.ts";
import { ModelRoutes } from "../../src/providers/model-routes.ts";
import type { ProviderEntry, RouteOptions } from "../../src/providers/model-routes.ts";
import { defaultBreakerRules } from "../../src/providers/policies/breaker.ts";
import type { Attempt, ProviderCall, ProviderReply } from "../../src/providers/provider.ts";
import type { AliasEntry, AliasTarget } from "../../src/providers/routing/build-routes.ts";
import { newConversationHomes } from "../../src/providers/routing/conversation-homes.ts";
import type { ConversationHomes } from "../../src/providers/routing/conversation-homes.ts";
import { ProviderHealth } from "../../src/providers/target-health.ts";
import { manualClock } from "./manual-clock.ts";
import type { ManualClock } from "./manual-clock.ts";
import { seededRandom } from "./seeded-random.ts";

/** How a provider answers: after so many milliseconds of the manual clock, or with a failure. */
export type Behaviour = number | Failure;

/** Providers without a network, behind the real routes, on a clock that a test moves. */
export interface RouteLab {
  readonly clock: ManualClock;
  readonly routes: ModelRoutes;
  readonly entries: readonly ProviderEntry[];
  /** How many requests each provider got. */
  readonly counts: Record<string, number>;
  behave(provider: string, behaviour: Behaviour): void;
  /** The name of the provider that answers; rejects with the failure if none does. */
  ask(request: object, options?: AskOptions): Promise<string>;
  /** The same providers, with what is remembered of them, behind routes made anew. */
  rebuilt(aliases: readonly AliasEntry[]): RouteLab;
}

export interface AskOptions {
  readonly model?: string;
  readonly tenantId?: string;
  readonly endpoint?: Endpoint;
}

interface LabOptions {
  readonly providers: readonly string[];
  readonly aliases: readonly AliasEntry[];
  readonly seed?: number;
}

export function routeLab({ providers, aliases, seed = 1 }: LabOptions): RouteLab {
  const clock = manualClock();
  const counts: Record<string, number> = {};
  const behaviours = new Map<string, Behaviour>();
  const entries = providers.map((name): ProviderEntry => {
    counts[name] = 0;
    return {
      name,
      keys: new KeyRing([], clock),
      adapter: {
        send: () => {
          counts[name] = (counts[name] ?? 0) + 1;
          const behaviour = behaviours.get(name) ?? 0;
          if (behaviour instanceof Failure) return Promise.reject(behaviour);
          clock.advance(behaviour);
          return Promise.resolve(okay);
        },
      },
      list: undefined,
      models: undefined,
      modelPrefixes: [],
      deadlines: defaultDeadlines,
      health: new ProviderHealth(defaultBreakerRules, clock),
    };
  });
  const shared = { clock, random: seededRandom(seed), homes: newConversationHomes() };
  return lab({ ...shared, entries, counts, behaviours }, aliases);
}

interface Bench extends Pick<RouteOptions, "random"> {
  readonly clock: ManualClock;
  readonly homes: ConversationHomes;
  readonly entries: readonly ProviderEntry[];
  readonly counts: Record<string, number>;
  readonly behaviours: Map<string, Behaviour>;
}

function lab(bench: Bench, aliases: readonly AliasEntry[]): RouteLab {
  const { clock, entries, counts, behaviours } = bench;
  const routes = new ModelRoutes({
    ...bench,
    providers: entries,
    aliases,
    defaultProviderName: undefined,
    defaultRetries: 0,
    namesModels: true,
  });
  return {
    clock,
    routes,
    entries,
    counts,
    behave: (provider, behaviour) => behaviours.set(provider, behaviour),
    ask: async (request, options = {}) => {
      const call = labCall(request, options);
      await (await routes.find(call.model)).provider.send(call);
      return call.attempts.at(-1)?.provider ?? "";
    },
    rebuilt: (next) => lab(bench, next),
  };
}

const okay: ProviderReply = {
  kind: "whole",
  headers: {},
  droppedParams: [],
  bytes: Buffer.from("{}"),
  value: {},
  usage: undefined,
};

export function labCall(
  value: object,
  { model = "fast", tenantId = "t1", endpoint = "chat" }: AskOptions = {},
): ProviderCall & { readonly attempts: readonly Attempt[] } {
  const request = fromObject({ model, ...value });
  return {
    endpoint,
    request,
    requestBytes: Buffer.from(request.text),
    model,
    isStream: false,
    conversation: new Conversation({ tenantId, endpoint, model, request }),
    pin: undefined,
    apiKey: undefined,
    clientHeaders: {},
    signal: new AbortController().signal,
    deadlines: defaultDeadlines,
    startedTickMs: performance.now(),
    deadlineTickMs: Number.POSITIVE_INFINITY,
    attempts: [],
  };
}

/** The alias `fast` with a target at each provider; no retries where nothing else is said. */
export const aliasOf = (
  strategy: AliasEntry["strategy"],
  targets: Readonly<Record<string, Partial<AliasTarget>>>,
  more: Partial<AliasEntry> = {},
): AliasEntry => ({
  alias: "fast",
  strategy,
  retries: 0,
  targets: Object.entries(targets).map(([providerName, fields]) => ({
    providerName,
    model: "m",
    deadlines: defaultDeadlines,
    weight: 1,
    quote: () => undefined,
    ...fields,
  })),
  ...more,
});

export const upstreamError = (message = "boom"): Failure => new Failure("upstream_error", message);

/** A refusal with the provider's own status and words; what may be tried after it is as the adapters have it. */
export function rejected(
  status: number,
  message: string,
  retryAfterMs?: number,
  code = "c",
): Failure {
  const otherKeyMayDo = status === 401 || status === 402 || status === 403;
  return new Failure("provider_rejected", message, {
    upstream: { status, body: { message, type: "t", param: null, code } },
    recovery: status === 429 ? "retry" : otherKeyMayDo ? "fallback" : "none",
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
