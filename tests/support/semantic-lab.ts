import { setImmediate as nextTurn } from "node:timers/promises";

import { encodeTime } from "ulid";

import { fromObject } from "../../src/lib/json-text.ts";
import type {
  AnswerCheck,
  AnswerCheckRefusal,
  AnswerPair,
  AnswerVerdict,
} from "../../src/pipeline/cache/answer-check.ts";
import type { StoredAnswer } from "../../src/pipeline/cache/cache-store.ts";
import {
  createSemanticTier,
  type SemanticTierDeps,
} from "../../src/pipeline/cache/create-semantic-tier.ts";
import type { KeyParts } from "../../src/pipeline/cache/key.ts";
import type {
  ManagedSemanticTier,
  SemanticAsking,
  SemanticHit,
} from "../../src/pipeline/cache/semantic-tier.ts";
import { learnerIdOf } from "../../src/pipeline/cache/semantic-tier/policies.ts";
import { guardNames, type SemanticRules } from "../../src/tenants/cache-policy.ts";
import { manualClock } from "./manual-clock.ts";
import { SemanticBackend } from "./memory-semantic-store.ts";
import { seededRandom } from "./seeded-random.ts";
import { anAnswer, startEpochMs } from "./stored-answers.ts";
import { taughtPolicy } from "./taught-policy.ts";
import { WordEmbedder } from "./word-embedder.ts";

export const rulesWith = (fields: Partial<SemanticRules> = {}): SemanticRules => ({
  mode: "on",
  maxError: 0.02,
  guardsOff: new Set(guardNames),
  learningBudgetNanoUsd: 5_000_000_000,
  ...fields,
});

export const serveAll = rulesWith();

/** Under which a policy is kept whose guards are all off, as here they are. */
export const learnerId = learnerIdOf("words", serveAll.guardsOff);
export const policyKey = (tenantId = "acme", id = learnerId): string => `${tenantId}\n${id}`;

export interface Ask {
  readonly text: string;
  readonly tenantId?: string;
  readonly system?: string;
  readonly rules?: SemanticRules;
  /** What the provider answers. */
  readonly says?: string;
  readonly tags?: Readonly<Record<string, string>>;
}

const targets = [{ name: "openai/gpt-5" }];

export const keyPartsFor = (ask: Ask): KeyParts => ({
  tenantId: ask.tenantId ?? "acme",
  endpoint: "chat",
  model: "gpt-5",
  targets,
  strategy: "priority",
  pinnedProvider: undefined,
  clientHeaders: {},
  request: requestFor(ask),
});

export const requestFor = ({ text, system = "Help." }: Ask) =>
  fromObject({
    model: "gpt-5",
    temperature: 0,
    messages: [
      { role: "system", content: system },
      { role: "user", content: text },
    ],
  });

export const completion = (text: string): string =>
  JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion",
    choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }],
  });

/** Compares the texts, and counts; `reply` is what it says instead. */
export class ScriptedCheck implements AnswerCheck {
  readonly pairs: AnswerPair[] = [];
  reply: (pair: AnswerPair) => Promise<AnswerVerdict | AnswerCheckRefusal> = ({ cached, fresh }) =>
    Promise.resolve({ isSame: cached === fresh, nanoUsd: 1_000 });

  same(pair: AnswerPair): Promise<AnswerVerdict | AnswerCheckRefusal> {
    this.pairs.push(pair);
    return this.reply(pair);
  }
}

/** A semantic tier with all that belongs to it, and a provider behind it. */
export function semanticLab(options: Partial<SemanticTierDeps> & { seed?: number } = {}) {
  const clock = manualClock(startEpochMs);
  const backend = new SemanticBackend(clock);
  const embedder = new WordEmbedder();
  const check = new ScriptedCheck();
  const errors: unknown[] = [];
  const openTier = (more: Partial<SemanticTierDeps> = {}) => {
    const store = backend.open();
    const tier = createSemanticTier({
      store,
      embedder,
      check,
      clock,
      random: seededRandom(options.seed ?? 1),
      onError: (error) => errors.push(error),
      ...options,
      ...more,
      limits: { saveAfterMs: 1, ...options.limits, ...more.limits },
    });
    return { tier, store };
  };
  const { tier, store } = openTier();
  return { clock, backend, embedder, check, errors, tier, store, openTier };
}

export type SemanticLab = ReturnType<typeof semanticLab>;

let ids = 0;

/** A ULID without the system's randomness, which would take most of a test's time. */
const idAt = (epochMs: number): string => encodeTime(epochMs, 10) + String(++ids).padStart(16, "0");

export function begin(
  { tier, clock }: Pick<SemanticLab, "tier" | "clock">,
  ask: Ask,
): { readonly id: string; readonly asking: SemanticAsking } {
  clock.advance(1);
  const id = idAt(clock.epochMs());
  const { rules = serveAll } = ask;
  const asking = tier.begin({ id, rules, key: keyPartsFor(ask), request: requestFor(ask) });
  if (typeof asking === "string") throw new Error(`The tier has nothing to do with it: ${asking}`);
  return { id, asking };
}

export const answerFor = (id: string, ask: Ask, nowEpochMs: number): StoredAnswer =>
  anAnswer({
    requestId: id,
    tenantId: ask.tenantId ?? "acme",
    body: { kind: "whole", bytes: Buffer.from(completion(ask.says ?? ask.text)) },
    tags: ask.tags ?? {},
    storedAtEpochMs: nowEpochMs,
    expiresAtEpochMs: nowEpochMs + 3_600_000,
  });

/** As the gateway does it: a hit, or else the provider's answer, learnt from before this resolves. */
export async function request(
  lab: Pick<SemanticLab, "tier" | "clock">,
  ask: Ask,
): Promise<SemanticHit | undefined> {
  const { id, asking } = begin(lab, ask);
  const hit = await asking.find(new AbortController().signal);
  if (hit !== undefined) return hit;
  asking.learn(answerFor(id, ask, lab.clock.epochMs()));
  await idle(lab.tier);
  return undefined;
}

/** Until all that was learnt is learnt. */
export async function idle(tier: ManagedSemanticTier): Promise<void> {
  for (;;) {
    await nextTurn();
    const { waiting, running } = tier.figures().learning;
    if (waiting === 0 && running === 0) return;
  }
}

/** Has a tenant's channels learnt already that all which is near, or has the same normal form, is right. */
export function teach(
  backend: SemanticBackend,
  { tenantId = "acme", forms = true, near = true, rules = serveAll },
) {
  const embedderId = learnerIdOf("words", rules.guardsOff);
  const policy = taughtPolicy({ embedderId, forms, near });
  backend.policies.set(policyKey(tenantId, embedderId), JSON.stringify(policy));
}

const syllables = ["ba", "ko", "ri", "tu", "me", "lo", "sa", "ne", "fi", "du", "pa", "gi"];

/** Words that mean nothing, always the same ones for a number. */
export function wordsOf(topic: number, count = 8): readonly string[] {
  const random = seededRandom(topic * 7_919 + 1);
  const word = (): string =>
    Array.from({ length: 3 }, () => syllables[Math.floor(random() * syllables.length)]).join("");
  return Array.from({ length: count }, word);
}

/** The words of a topic in another order, now and then without one: what somebody else writes who means the same. */
export function paraphrase(topic: number, random: () => number): string {
  const words = [...wordsOf(topic)];
  if (random() < 0.3) words.splice(Math.floor(random() * words.length), 1);
  for (let at = words.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [words[at], words[other]] = [words[other] ?? "", words[at] ?? ""];
  }
  return words.join(" ");
}

export const textOf = (hit: SemanticHit | undefined): string | undefined => {
  if (hit?.answer.body.kind !== "whole") return undefined;
  const parsed = JSON.parse(Buffer.from(hit.answer.body.bytes).toString()) as {
    choices: { message: { content: string } }[];
  };
  return parsed.choices[0]?.message.content;
};
