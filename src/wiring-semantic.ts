import { openLocalEmbedder } from "./embedders/local/open.ts";
import { openCompatibleEmbedder } from "./embedders/openai-compatible/open.ts";
import { Lru } from "./lib/lru.ts";
import { PartHealth } from "./lib/part-health.ts";
import { usdText } from "./lib/usd.ts";
import type { InternalAnswer, InternalAsk } from "./pipeline/ask-internally.ts";
import type { AnswerCheck } from "./pipeline/cache/answer-check.ts";
import { withFreeVerdicts } from "./pipeline/cache/answer-check/free-verdicts.ts";
import { modelAnswerCheck } from "./pipeline/cache/answer-check/model-answer-check.ts";
import type { ModelQuestion } from "./pipeline/cache/answer-check/model-answer-check.ts";
import { createSemanticTier } from "./pipeline/cache/create-semantic-tier.ts";
import { withEmbedderBreaker } from "./pipeline/cache/embedder-breaker.ts";
import type { Embedder } from "./pipeline/cache/embedder.ts";
import type { SemanticStore } from "./pipeline/cache/semantic-store.ts";
import type { ManagedSemanticTier } from "./pipeline/cache/semantic-tier.ts";
import { freshNonce } from "./pipeline/judge/asking/fresh-nonce.ts";
import { modelLimits } from "./pipeline/judge/asking/model-limits.ts";
import { checkCaller, systemTenant } from "./tenants/system-tenant.ts";
import type { Caller } from "./tenants/tenant.ts";
import type { Stores, StoreTools } from "./wiring-stores.ts";

/** Sends a chat of Sentinel's own through the gateway. */
export type Ask = (ask: InternalAsk) => Promise<InternalAnswer>;

export interface Semantics {
  readonly tier: ManagedSemanticTier;
  readonly store: SemanticStore;
  readonly healths: readonly PartHealth[];
}

/** So long a request waits for its vector: a model on this machine takes 4 to 25 ms, OpenAI's API 100 to 300. */
const localMs = 100;
const apiMs = 300;
/** And after that for the answer that was found. */
const storeMs = 50;

/** For the provider; the tier gives a check up by itself, and this is what is said then. */
const checkMs = 60_000;
/** Tenants whose callers are kept: each is looked up by what it is, so that its limits are worked out once. */
const callersMax = 1_000;

/** The semantic tier, where there is an embedder. Rejects where that is the local one and is not installed. */
export async function openSemantics(
  stores: Stores,
  ask: Ask,
  tools: StoreTools,
): Promise<Semantics | undefined> {
  const { settings, clock, log, opening } = tools;
  if (settings.embedder.where === "off") return undefined;
  const embedder = withEmbedderBreaker(opening.use(await openEmbedder(tools)), clock);
  const health = new PartHealth("semantic_cache", clock);
  const store = await stores.openSemanticStore(health);
  makeSystemTenant(stores, tools);
  const { where, timeoutMs: embedMs = where === "local" ? localMs : apiMs } = settings.embedder;
  const tier = createSemanticTier({
    limits: { embedMs, findMs: embedMs + storeMs },
    store,
    embedder,
    check: answerCheck(ask, tools),
    clock,
    random: Math.random,
    onError: (error) => {
      log.warn({ err: error }, "the semantic cache goes on without what has just failed");
    },
  });
  return { tier: opening.use(tier), store, healths: [health, embedder.health] };
}

async function openEmbedder({ settings, clock }: StoreTools): Promise<Embedder> {
  const { where, model, apiKey, dir } = settings.embedder;
  if (where !== "local") {
    return openCompatibleEmbedder({
      name: "SENTINEL_EMBEDDER",
      baseUrl: where,
      model,
      apiKey,
      clock,
    });
  }
  return openLocalEmbedder({ folder: dir, clock }).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `SENTINEL_EMBEDDER is local, and the model in SENTINEL_EMBEDDER_DIR (${dir}) cannot be used: ${why} ` +
        "Run `npm run embedder:install`, or set SENTINEL_EMBEDDER to the base URL of an embeddings API, or to off.",
      { cause },
    );
  });
}

/** Reports name only tenants that there are. Nothing else depends on it. */
function makeSystemTenant({ tenants }: Stores, { clock, log }: StoreTools): void {
  tenants.createTenant(systemTenant(clock.epochMs())).catch((error: unknown) => {
    log.warn(
      { err: error },
      "the system tenant was not made; its usage can be seen after a restart",
    );
  });
}

const noModel =
  "There is an embedder and no SENTINEL_CACHE_CHECK_MODEL: the semantic cache learns next to nothing, and so serves nothing.";

function answerCheck(ask: Ask, { settings, log }: StoreTools): AnswerCheck {
  const { checkModel, checkBudgetUsd } = settings.cache;
  if (checkModel === undefined) {
    log.warn(noModel);
    return withFreeVerdicts({ same: () => Promise.resolve({ refused: "unavailable" }) });
  }
  const callers = new Lru<string, Caller>(callersMax);
  const callerOf = ({ tenantId, learningBudgetNanoUsd }: ModelQuestion): Caller => {
    const name = `${learningBudgetNanoUsd} ${tenantId}`;
    const known = callers.get(name);
    if (known !== undefined) return known;
    const tenantUsd = usdText(learningBudgetNanoUsd);
    const caller = checkCaller(tenantId, { allUsd: checkBudgetUsd, tenantUsd });
    callers.set(name, caller);
    return caller;
  };
  return modelAnswerCheck({
    ask: (question) => {
      const { body, signal, noteSpend } = question;
      return ask({ caller: callerOf(question), body, signal, timeoutMs: checkMs, noteSpend });
    },
    model: checkModel,
    limits: modelLimits(),
    random: Math.random,
    nonce: freshNonce,
  });
}
