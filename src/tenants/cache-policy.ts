import { z } from "zod";

import {
  fraction,
  listOf,
  mustBe,
  oneOf,
  strictFields,
  usdAmount,
  wholeNumber,
} from "../config/field-types.ts";
import { nanoUsdFrom } from "../lib/usd.ts";

/** An answer is never kept for longer, whoever asks: thirty days, after which OpenAI forgets its responses as well. */
export const cacheTtlSecondsMax = 30 * 24 * 60 * 60;

/** What must be the same in two prompts, besides their meaning, before one's answer is served to the other. */
export const guardNames = [
  "language",
  "numbers",
  "units",
  "time",
  "negation",
  "identifiers",
  "comparison",
  "question",
  "person",
  "antonyms",
  "names",
  "conjunction",
  "argument-swap",
  "one-word",
  "unmatched-word",
] as const;
export type GuardName = (typeof guardNames)[number];

/**
 * Off where nobody says anything about guards: it forbids three of ten right hits and hardly more of the wrong ones.
 * The rare traps which it alone catches are as good as all texts that differ in one word: `one-word`.
 */
export const defaultGuardsOff: ReadonlySet<GuardName> = new Set(["unmatched-word"]);

export const semanticModes = ["off", "shadow", "on"] as const;
export type SemanticMode = (typeof semanticModes)[number];

const ttlSeconds = () => wholeNumber({ min: 1, max: cacheTtlSecondsMax });

const semanticSchema = strictFields({
  /** `shadow` learns and serves nothing; `on` serves once a channel has qualified. */
  mode: oneOf(semanticModes).exactOptional(),
  /** The share of wrong hits that is accepted. */
  max_error: fraction({ min: 0.001, max: 0.5 }).exactOptional(),
  /** Guards that are not applied, `unmatched-word` if nothing is said; an empty list has all of them. */
  guards_off: listOf(oneOf(guardNames), { max: guardNames.length }).readonly().exactOptional(),
  /** What checks may cost in a calendar month; once it is spent nothing more is learnt. */
  learning_budget_usd: usdAmount().exactOptional(),
}).readonly();

/** The part `cache` of a tenant's or a key's policy. A field that is absent says nothing. */
export const cachePolicySchema = strictFields({
  enabled: z.boolean({ error: mustBe("must be true or false") }).exactOptional(),
  /** Requests above it are cached only if they ask for it. */
  max_temperature: fraction({ min: 0, max: 2 }).exactOptional(),
  /** How long an answer is kept whose request does not say. */
  ttl_seconds: ttlSeconds().exactOptional(),
  /** How long a request may ask for. */
  max_ttl_seconds: ttlSeconds().exactOptional(),
  semantic: semanticSchema.exactOptional(),
}).readonly();
export type CachePolicy = z.infer<typeof cachePolicySchema>;

/** What holds for one caller: every field has its value. */
export interface CacheRules {
  readonly isEnabled: boolean;
  readonly maxTemperature: number;
  readonly ttlSeconds: number;
  readonly maxTtlSeconds: number;
  readonly semantic: SemanticRules;
}

export interface SemanticRules {
  readonly mode: SemanticMode;
  readonly maxError: number;
  readonly guardsOff: ReadonlySet<GuardName>;
  readonly learningBudgetNanoUsd: number;
}

const defaultTtlSeconds = 60 * 60;
const defaultMaxTtlSeconds = 7 * 24 * 60 * 60;
const defaultMaxError = 0.02;
const defaultLearningBudgetNanoUsd = 5_000_000_000;

type Policies = readonly { readonly cache?: CachePolicy | undefined }[];

/** A caller is remembered for some seconds, and its policies with it. */
const knownRules = new WeakMap<Policies, CacheRules>();

/**
 * The rules of a tenant's policy and its key's together: the narrower of what they say, and where neither says
 * anything what surprises nobody. Runs for each request; budget 0.2 µs for policies that were seen before.
 */
export function cacheRules(policies: Policies): CacheRules {
  const known = knownRules.get(policies);
  if (known !== undefined) return known;
  const rules = rulesOf(policies);
  knownRules.set(policies, rules);
  return rules;
}

function rulesOf(policies: Policies): CacheRules {
  const said = policies.map(({ cache }) => cache).filter((cache) => cache !== undefined);
  if (said.length === 0) return defaultRules;
  const ttls = said.map(({ ttl_seconds: seconds }) => seconds);
  const maxTtls = said.map(({ max_ttl_seconds: seconds }) => seconds);
  const asked = least(ttls) ?? defaultTtlSeconds;
  const maxTtlSeconds = least(maxTtls) ?? Math.max(asked, defaultMaxTtlSeconds);
  return {
    isEnabled: said.every(({ enabled }) => enabled !== false),
    maxTemperature: least(said.map(({ max_temperature: most }) => most)) ?? 0,
    ttlSeconds: Math.min(asked, maxTtlSeconds),
    maxTtlSeconds,
    semantic: semanticRules(said),
  };
}

function semanticRules(said: readonly CachePolicy[]): SemanticRules {
  const parts = said.map(({ semantic }) => semantic).filter((semantic) => semantic !== undefined);
  const modes = parts.map(({ mode }) => mode).filter((mode) => mode !== undefined);
  const budgets = parts.map(({ learning_budget_usd: usd }) =>
    usd === undefined ? undefined : nanoUsdFrom(usd),
  );
  return {
    mode: semanticModes[least(modes.map((mode) => semanticModes.indexOf(mode))) ?? 0] ?? "off",
    maxError: least(parts.map(({ max_error: share }) => share)) ?? defaultMaxError,
    guardsOff: guardsOff(parts.map(({ guards_off: names }) => names)),
    learningBudgetNanoUsd: least(budgets) ?? defaultLearningBudgetNanoUsd,
  };
}

/** A guard is off only where everyone who says something about guards has it off; the usual ones where nobody does. */
function guardsOff(lists: readonly (readonly GuardName[] | undefined)[]): ReadonlySet<GuardName> {
  const [first, ...others] = lists.filter((names) => names !== undefined);
  if (first === undefined) return defaultGuardsOff;
  return new Set(first.filter((name) => others.every((names) => names.includes(name))));
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const said = values.filter((value) => value !== undefined);
  return said.length === 0 ? undefined : Math.min(...said);
}

const defaultRules: CacheRules = {
  isEnabled: true,
  maxTemperature: 0,
  ttlSeconds: defaultTtlSeconds,
  maxTtlSeconds: defaultMaxTtlSeconds,
  semantic: {
    mode: "off",
    maxError: defaultMaxError,
    guardsOff: defaultGuardsOff,
    learningBudgetNanoUsd: defaultLearningBudgetNanoUsd,
  },
};
