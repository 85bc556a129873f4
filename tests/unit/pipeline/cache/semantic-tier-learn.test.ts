import { setImmediate as nextTurn } from "node:timers/promises";

import { expect, test, vi } from "vitest";

import { EmbedFailure } from "../../../../src/pipeline/cache/embedder.ts";
import { makeEvent } from "../../../../src/protocol/sse.ts";
import {
  answerFor,
  begin,
  completion,
  idle,
  policyKey,
  request,
  rulesWith,
  semanticLab,
  serveAll,
  teach,
  textOf,
  wordsOf,
  type Ask,
  type SemanticLab,
} from "../../../support/semantic-lab.ts";

const text = wordsOf(1).join(" ");
const reordered = wordsOf(1).toReversed().join(" ");
const code = "for (let i = 0; i < 3; i++) {}";
const forever = (): Promise<never> => new Promise(() => undefined);

const entriesOf = (lab: SemanticLab) => [...lab.backend.entries.values()];
const entryOf = (lab: SemanticLab, asked: string) =>
  entriesOf(lab).find((entry) => entry.text === asked);

test("a question is kept with its answer, its vector and its normal form, under its tenant", async () => {
  const lab = semanticLab();
  await request(lab, { text });
  const [entry] = entriesOf(lab);
  expect(entry).toMatchObject({ tenantId: "acme", text, normalForm: text, embedderId: "words" });
  expect(entry?.answerId).toBe(entry?.id);
  expect(entry?.vector).toHaveLength(128);
  expect(entry?.shard).toMatch(/^[\w-]{43}$/);
  expect(lab.backend.answers.size).toBe(1);
  expect(lab.embedder).toMatchObject({ single: 0, many: 1 });
});

test("what a check finds to be the same becomes another way to ask for the same answer", async () => {
  const lab = semanticLab();
  await request(lab, { text, says: "the same" });
  await request(lab, { text: reordered, says: "the same" });
  const first = entryOf(lab, text);
  expect(entryOf(lab, reordered)?.answerId).toBe(first?.id);
  expect(lab.backend.answers.size).toBe(1);
  const [tally] = lab.backend.tallies.values();
  expect(tally).toMatchObject({ answerId: first?.id, confirmations: 1, refutations: 0 });
  expect(lab.check.pairs[0]).toMatchObject({
    tenantId: "acme",
    learningBudgetNanoUsd: 5_000_000_000,
    question: reordered,
    cached: "the same",
    fresh: "the same",
  });
});

test("an alias ends with its answer, or before where its own request wanted that", async () => {
  const lab = semanticLab();
  await request(lab, { text, says: "the same" });
  lab.clock.advance(60_000);
  await request(lab, { text: reordered, says: "the same" });
  expect(entryOf(lab, reordered)?.expiresAtEpochMs).toBe(entryOf(lab, text)?.expiresAtEpochMs);
});

test("what a check finds to be different is kept with its own answer", async () => {
  const lab = semanticLab();
  await request(lab, { text, says: "one" });
  await request(lab, { text: reordered, says: "another" });
  const second = entryOf(lab, reordered);
  expect(second?.answerId).toBe(second?.id);
  expect(lab.backend.answers.size).toBe(2);
  expect([...lab.backend.tallies.values()][0]).toMatchObject({ confirmations: 0, refutations: 1 });
});

test("what is asked again in the same words has the newest answer from then on", async () => {
  const lab = semanticLab({ random: () => 0.999 });
  teach(lab.backend, {});
  // As those who ask for a fresh answer: nothing is looked for.
  const rules = rulesWith({ mode: "shadow", learningBudgetNanoUsd: 0 });
  for (const says of ["old", "newer", "newest"]) await request(lab, { text, says, rules });
  expect(textOf(await request(lab, { text: reordered }))).toBe("newest");
  const later = { ...lab, ...lab.openTier() };
  await later.tier.status("acme", serveAll);
  await request(later, { text: wordsOf(3).join(" ") });
  expect(textOf(await request(later, { text: reordered }))).toBe("newest");
});

test("asking again and again for the same answer fills no store", async () => {
  const lab = semanticLab();
  const without = rulesWith({ mode: "shadow", learningBudgetNanoUsd: 0 });
  for (let at = 0; at < 5; at++) await request(lab, { text, says: "the same", rules: without });
  expect(entriesOf(lab)).toHaveLength(1);
  const checked = rulesWith({ mode: "shadow" });
  for (let at = 0; at < 5; at++) await request(lab, { text, says: "the same", rules: checked });
  expect(entriesOf(lab)).toHaveLength(1);
});

test("asking again and again for a fresh answer fills no store either, however the answers differ", async () => {
  const lab = semanticLab();
  const rules = rulesWith({ mode: "shadow" });
  for (let at = 0; at < 20; at++) await request(lab, { text, says: `answer ${at}`, rules });
  expect(entriesOf(lab)).toHaveLength(1);
  expect(lab.backend.answers.size).toBe(1);
});

test("what is asked again in the same words is no label for what is asked in others", async () => {
  const lab = semanticLab({ random: () => 0 });
  const rules = rulesWith({ mode: "shadow" });
  // A list of questions that is asked anew each night, as `cache warm --refresh` does.
  const nightly = Array.from({ length: 10 }, (_, topic) => wordsOf(topic + 1).join(" "));
  for (let night = 0; night < 40; night++)
    for (const each of nightly) await request(lab, { text: each, says: each, rules });
  const { channels } = await lab.tier.status("acme");
  expect(channels.CN).toMatchObject({ canServe: false, labels: 0 });
  expect(channels.CS).toMatchObject({ canServe: false, labels: 0 });
  await request(lab, { text: reordered, says: text, rules });
  expect((await lab.tier.status("acme")).channels.CS.labels).toBe(1);
});

test("what was asked in the same words and is over hides no other way to ask", async () => {
  const lab = semanticLab();
  const rules = rulesWith({ mode: "shadow" });
  await request(lab, { text, says: "the same", rules });
  lab.clock.advance(3_000_000);
  await request(lab, { text: reordered, says: "the same", rules });
  lab.clock.advance(700_000);
  await request(lab, { text: `${text} again`, says: "another", rules });
  await request(lab, { text, says: "another", rules });
  expect(lab.check.pairs.at(-1)).toMatchObject({ question: text, cached: "another" });
});

test("a stream is learnt from as a whole answer is", async () => {
  const lab = semanticLab();
  await request(lab, { text, says: "in pieces" });
  const { id, asking } = begin(lab, { text: reordered });
  const chunks = ["in ", "pieces"].map((content) => {
    const chunk = { id: "c", choices: [{ index: 0, delta: { content } }] };
    return makeEvent(JSON.stringify(chunk)).raw;
  });
  const whole = answerFor(id, { text: reordered }, lab.clock.epochMs());
  asking.learn({ ...whole, body: { kind: "events", chunks } });
  await idle(lab.tier);
  expect(lab.check.pairs[0]).toMatchObject({ cached: "in pieces", fresh: "in pieces" });
  expect(entryOf(lab, reordered)?.answerId).toBe(entryOf(lab, text)?.id);
});

test("an answer that says something by other means than text is not compared", async () => {
  const lab = semanticLab();
  await request(lab, { text });
  const { id, asking } = begin(lab, { text: reordered });
  const answer = answerFor(id, { text: reordered }, lab.clock.epochMs());
  const bytes = Buffer.from('{"choices":[{"message":{"content":null}}]}');
  asking.learn({ ...answer, body: { kind: "whole", bytes } });
  await idle(lab.tier);
  expect(lab.check.pairs).toHaveLength(0);
  expect(entryOf(lab, reordered)).toBeDefined();
});

test("what cannot be embedded is kept by its normal form; what has neither is not kept", async () => {
  const lab = semanticLab();
  lab.embedder.before = () => Promise.reject(new EmbedFailure("too_long", "It is long."));
  await request(lab, { text });
  await request(lab, { text: code });
  expect(entriesOf(lab)).toHaveLength(1);
  expect(entryOf(lab, text)).toMatchObject({ vector: undefined, embedderId: undefined });
  expect(await lab.tier.status("acme")).toMatchObject({ lastEmbedFailure: "too_long" });
  expect(lab.tier.figures()).toMatchObject({ embedFailures: 2, lastEmbedFailure: "too_long" });
});

test("a vector that comes late is not lost by asking again while the embedder is down", async () => {
  const lab = semanticLab();
  await request(lab, { text, says: "one" });
  lab.embedder.before = () => Promise.reject(new Error("It is down."));
  await request(lab, { text, says: "two" });
  lab.embedder.before = () => Promise.resolve();
  await request(lab, { text: reordered, says: "two" });
  expect(lab.check.pairs.at(-1)).toMatchObject({ question: reordered, cached: "one" });
});

test("an embedder that hangs holds up nothing but its own places, and not for ever", async () => {
  const lab = semanticLab({ limits: { backgroundEmbedMs: 10 } });
  lab.embedder.before = forever;
  await request(lab, { text });
  expect(entryOf(lab, text)?.vector).toBeUndefined();
  expect(lab.tier.figures().lastEmbedFailure).toBe("timeout");
});

test("at either bound of the queue the next answer is dropped, and counted", async () => {
  for (const limits of [
    { learnsWaitingMax: 5, learnsAtOnceMax: 1 },
    { learnsWaitingBytesMax: 5 * 1_100, learnsAtOnceMax: 1 },
  ]) {
    const lab = semanticLab({ limits });
    lab.embedder.before = forever;
    const learnOne = (): void => {
      const { id, asking } = begin(lab, { text });
      const answer = answerFor(id, { text }, lab.clock.epochMs());
      asking.learn({ ...answer, body: { kind: "whole", bytes: Buffer.alloc(600) } });
    };
    learnOne();
    await nextTurn();
    await nextTurn();
    expect(lab.tier.figures().learning).toMatchObject({ running: 1, waiting: 0, waitingBytes: 0 });
    for (let at = 0; at < 50; at++) learnOne();
    const { waiting, dropped, waitingBytes } = lab.tier.figures().learning;
    expect(waiting).toBe(5);
    expect(dropped).toBe(45);
    expect(waitingBytes).toBeLessThanOrEqual(5 * 1_100);
  }
});

test("a tenant that floods the queue keeps no other one out", async () => {
  const lab = semanticLab({ limits: { tenantLearnsWaitingMax: 5, learnsAtOnceMax: 1 } });
  const learnOne = (tenantId: string): void => {
    const { id, asking } = begin(lab, { text, tenantId });
    asking.learn(answerFor(id, { text, tenantId }, lab.clock.epochMs()));
  };
  for (let round = 0; round < 3; round++) {
    const { dropped } = lab.tier.figures().learning;
    for (let at = 0; at < 50; at++) learnOne("acme");
    learnOne("globex");
    expect(lab.tier.figures().learning).toMatchObject({ waiting: 6, dropped: dropped + 45 });
    await idle(lab.tier);
  }
  expect(entriesOf(lab).some(({ tenantId }) => tenantId === "globex")).toBe(true);
});

test("a store that fails is said once, and what failed is not held in memory", async () => {
  const lab = semanticLab();
  await request(lab, { text });
  const { indexBytes } = lab.tier.figures();
  lab.store.before = () => Promise.reject(new Error("The store is down."));
  for (let at = 2; at < 7; at++) await request(lab, { text: wordsOf(at).join(" ") });
  expect(lab.tier.figures().indexBytes).toBe(indexBytes);
  expect(lab.errors).toHaveLength(1);
  lab.store.before = () => Promise.resolve();
  await request(lab, { text: wordsOf(9).join(" ") });
  expect(entriesOf(lab)).toHaveLength(2);
});

test("where it is not known what was learnt before, nothing is learnt that would spoil it", async () => {
  const lab = semanticLab();
  teach(lab.backend, {});
  const kept = lab.backend.policies.get(policyKey());
  lab.store.before = (call) =>
    call === "loadPolicy" ? Promise.reject(new Error("Not now.")) : Promise.resolve();
  await request(lab, { text, says: "the same" });
  await request(lab, { text: reordered, says: "the same" });
  await lab.tier[Symbol.asyncDispose]();
  expect(lab.check.pairs).toHaveLength(0);
  expect(lab.backend.policies.get(policyKey())).toBe(kept);
});

/** Of each `mark` in words of their own. */
const askMany = async (
  lab: SemanticLab,
  count: number,
  { mark = "x", ...more }: Partial<Ask> & { readonly mark?: string } = {},
): Promise<void> => {
  await request(lab, { text, says: "the same", ...more });
  for (let at = 0; at < count; at++) {
    const words = wordsOf(1);
    const moved = [...words.slice(at % 8), ...words.slice(0, at % 8), `${mark}${at}`];
    await request(lab, { text: moved.join(" "), says: "the same", ...more });
  }
};

test("once the budget is spent no check is tried for a minute, and nothing is learnt", async () => {
  const lab = semanticLab();
  lab.check.reply = () => Promise.resolve({ refused: "budget" });
  await askMany(lab, 40);
  expect(lab.check.pairs).toHaveLength(1);
  const status = await lab.tier.status("acme");
  expect(status.checks).toMatchObject({ made: 0, agreed: 0, spentNanoUsd: 0 });
  expect(status.checks.refusedByBudget).toBeGreaterThan(0);
  expect(status.channels.CS.labels).toBe(0);
  lab.clock.advance(60_001);
  await askMany(lab, 10, { says: "another", mark: "y" });
  expect(lab.check.pairs).toHaveLength(2);
});

test("a tenant without a learning budget has no checks at all", async () => {
  const lab = semanticLab();
  await askMany(lab, 40, { rules: rulesWith({ learningBudgetNanoUsd: 0 }) });
  expect(lab.check.pairs).toHaveLength(0);
});

test("a check that is unclear, unavailable, fails or hangs gives no label and stops nothing", async () => {
  const lab = semanticLab({ limits: { checkMs: 10 } });
  const replies: (typeof lab.check.reply)[] = [
    () => Promise.resolve({ refused: "unclear", nanoUsd: 700 }),
    () => Promise.resolve({ refused: "unavailable" }),
    () => Promise.reject(new Error("The judge is down.")),
    forever,
  ];
  for (const reply of replies) {
    lab.check.reply = reply;
    await askMany(lab, 1, { system: `System ${replies.indexOf(reply)}` });
  }
  const { checks, channels } = await lab.tier.status("acme");
  expect(lab.check.pairs).toHaveLength(4);
  expect(checks).toMatchObject({ made: 0, unclear: 1, unavailable: 3, spentNanoUsd: 700 });
  expect(channels.CS.labels).toBe(0);
  expect(lab.backend.answers.size).toBe(8);
});

test("a judge that is down is left alone for a while, and what was asked meanwhile is kept", async () => {
  const lab = semanticLab();
  lab.check.reply = () => Promise.resolve({ refused: "unavailable" });
  await askMany(lab, 30);
  expect(lab.check.pairs).toHaveLength(3);
  expect(lab.backend.entries.size).toBe(31);
  lab.check.reply = () => Promise.resolve({ isSame: true, nanoUsd: 1 });
  lab.clock.advance(5_001);
  await request(lab, { text: reordered, says: "the same" });
  expect((await lab.tier.status("acme")).checks).toMatchObject({ made: 1 });
});

test("what was asked before a purge is not kept after it", async () => {
  const lab = semanticLab({ limits: { learnsAtOnceMax: 1 } });
  const embedding = Promise.withResolvers<undefined>();
  lab.embedder.before = () => embedding.promise;
  for (const topic of [1, 2, 3]) {
    const ask = { text: wordsOf(topic).join(" ") };
    const { id, asking } = begin(lab, ask);
    asking.learn(answerFor(id, ask, lab.clock.epochMs()));
  }
  await nextTurn();
  lab.tier.purged({ tenantId: "acme" });
  embedding.resolve(undefined);
  await idle(lab.tier);
  expect(entriesOf(lab)).toHaveLength(0);
});

test("a tenant's purge leaves what others are learning", async () => {
  const lab = semanticLab({ limits: { learnsAtOnceMax: 1 } });
  const { id, asking } = begin(lab, { text, tenantId: "globex" });
  asking.learn(answerFor(id, { text, tenantId: "globex" }, lab.clock.epochMs()));
  lab.tier.purged({ tenantId: "acme" });
  await idle(lab.tier);
  expect(entriesOf(lab)).toHaveLength(1);
});

test("closing it ends what is under way, keeps what was learnt, and takes nothing more", async () => {
  const lab = semanticLab({ limits: { saveAfterMs: 60_000 } });
  await askMany(lab, 3);
  expect(lab.backend.policies.size).toBe(0);
  lab.check.reply = forever;
  const ask = { text: `${reordered} once more`, says: "the same" };
  const { id, asking } = begin(lab, ask);
  asking.learn(answerFor(id, ask, lab.clock.epochMs()));
  await vi.waitFor(() => {
    expect(lab.check.pairs).toHaveLength(4);
  });
  await lab.tier[Symbol.asyncDispose]();
  expect(lab.backend.policies.size).toBe(1);
  expect(lab.backend.listeners.size).toBe(0);
  const late = begin(lab, { text });
  late.asking.learn(answerFor(late.id, { text }, lab.clock.epochMs()));
  expect(lab.tier.figures().learning).toMatchObject({ waiting: 0, running: 0, dropped: 1 });
});

test("no error that is told holds a prompt or an answer", async () => {
  const lab = semanticLab();
  lab.store.before = () => Promise.reject(new Error("The store is down."));
  lab.check.reply = () => Promise.reject(new Error("The judge is down."));
  await request(lab, { text: "my secret question", says: completion("my secret answer") });
  expect(lab.errors.length).toBeGreaterThan(0);
  for (const error of lab.errors) expect(String(error)).not.toContain("secret");
});
