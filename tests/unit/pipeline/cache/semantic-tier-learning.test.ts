import { expect, test, vi } from "vitest";

import { SemanticPolicy } from "../../../../src/pipeline/cache/semantic-policy.ts";
import { seededRandom } from "../../../support/seeded-random.ts";
import {
  idle,
  learnerId,
  paraphrase,
  policyKey,
  request,
  rulesWith,
  semanticLab,
  serveAll,
  textOf,
  wordsOf,
  type Ask,
  type SemanticLab,
} from "../../../support/semantic-lab.ts";

const topics = 12;

interface Seen {
  hits: number;
  wrong: number;
  asked: number;
}

/** Questions about a few topics in ever other words; what is right to answer depends on the topic alone. */
async function run(
  lab: Pick<SemanticLab, "tier" | "clock">,
  requests: number,
  { seed = 7, says, ...more }: Partial<Ask> & { seed?: number } = {},
): Promise<Seen> {
  const random = seededRandom(seed);
  const seen: Seen = { hits: 0, wrong: 0, asked: 0 };
  for (let at = 0; at < requests; at++) {
    const topic = Math.floor(random() * topics);
    const right = says ?? `answer ${topic}`;
    const text = paraphrase(topic, random);
    const hit = await request(lab, { ...more, text, says: right });
    seen.asked++;
    if (hit === undefined) continue;
    seen.hits++;
    if (textOf(hit) !== right) seen.wrong++;
  }
  return seen;
}

test("it learns from what it checks, begins to serve by itself, and serves right", async () => {
  const lab = semanticLab();
  const first = await run(lab, 100);
  expect(first.hits).toBe(0);
  await run(lab, 300, { seed: 8 });
  const { hits, wrong, asked } = await run(lab, 300, { seed: 9 });
  expect(hits / asked).toBeGreaterThan(0.5);
  expect(wrong).toBe(0);
  const status = await lab.tier.status("acme");
  expect(status).toMatchObject({ embedder: "words", maxError: 0.02, stops: 0 });
  expect(status.channels.CS).toMatchObject({ canServe: true, audited: { errors: 0 } });
  expect(status.channels.CS.labels).toBeGreaterThan(100);
  expect(status.checks.agreed).toBeGreaterThan(100);
  expect(status.checks.spentNanoUsd).toBe(status.checks.made * 1_000);
  expect(status.checks.made).toBe(lab.check.pairs.length);
  expect(lab.errors).toEqual([]);
});

test("in shadow mode it learns as well, and serves nothing", async () => {
  const lab = semanticLab();
  const rules = rulesWith({ mode: "shadow" });
  expect((await run(lab, 500, { rules })).hits).toBe(0);
  expect((await lab.tier.status("acme")).channels.CS.canServe).toBe(true);
  expect(lab.embedder.single).toBe(0);
  // What it learnt counts as soon as the tenant wants to be served.
  expect((await run(lab, 100, { seed: 11 })).hits).toBeGreaterThan(50);
});

test("it stops by itself when its checks begin to disagree", async () => {
  const lab = semanticLab();
  await run(lab, 500);
  expect((await run(lab, 100, { seed: 12 })).hits).toBeGreaterThan(50);
  // From now on the right answer depends on something that no prompt says.
  const random = seededRandom(99);
  const hitsOf = async (requests: number): Promise<number> => {
    let hits = 0;
    for (let at = 0; at < requests; at++) {
      const text = paraphrase(Math.floor(random() * topics), random);
      if ((await request(lab, { text, says: `never twice ${at}` })) !== undefined) hits++;
    }
    return hits;
  };
  expect(await hitsOf(300)).toBeLessThan(100);
  expect((await lab.tier.status("acme")).channels.CS.canServe).toBe(false);
  expect(await hitsOf(50)).toBe(0);
});

test("a process that begins later goes on with what was learnt before", async () => {
  const lab = semanticLab();
  await run(lab, 500);
  await lab.tier[Symbol.asyncDispose]();
  const later = lab.openTier();
  const restarted = { ...lab, ...later };
  // The first one has the policy loaded, the second one the shard.
  const { hits, wrong } = await run(restarted, 60, { seed: 14 });
  expect(hits).toBeGreaterThan(30);
  expect(wrong).toBe(0);
  expect((await later.tier.status("acme")).channels.CS.canServe).toBe(true);
});

test("what one replica stored, tallied and learnt the other serves", async () => {
  const lab = semanticLab();
  const other = { ...lab, ...lab.openTier() };
  await request(other, { text: wordsOf(99).join(" ") });
  await run(lab, 500);
  const here = await lab.tier.status("acme");
  const { hits, wrong } = await run({ ...lab, ...lab.openTier() }, 60, { seed: 15 });
  expect(hits).toBeGreaterThan(30);
  expect(wrong).toBe(0);
  expect(here.channels.CS.labels).toBeGreaterThan(100);
  // A replica that held the shard from the beginning was told of each entry.
  expect(other.tier.figures().indexBytes).toBe(lab.tier.figures().indexBytes);
  expect(other.store.calls["loadShard"]).toBe(1);
});

test("a policy that was stopped elsewhere is taken over, and none that is further along is overwritten", async () => {
  const lab = semanticLab();
  await run(lab, 300);
  const stopped = new SemanticPolicy({
    maxError: 0.02,
    confidence: 0.9,
    nearMin: 0.7,
    embedderId: learnerId,
    random: () => 0.5,
  });
  const kept = { ...stopped.toJSON(), stops: 3 };
  lab.backend.policies.set(policyKey(), JSON.stringify(kept));
  await run(lab, 5, { seed: 16 });
  await vi.waitFor(async () => {
    expect((await lab.tier.status("acme")).stops).toBe(3);
  });
  await lab.tier[Symbol.asyncDispose]();
  const last = JSON.parse(lab.backend.policies.get(policyKey()) ?? "") as typeof kept;
  expect(last.stops).toBe(3);
});

test("two limits of one tenant begin with the same labels", async () => {
  const lab = semanticLab();
  await run(lab, 500);
  const strict = rulesWith({ maxError: 0.001 });
  await run(lab, 3, { rules: strict, seed: 17 });
  const status = await lab.tier.status("acme", strict);
  expect(status.maxError).toBe(0.001);
  expect(status.channels.CS.labels).toBeGreaterThan(100);
  // For one in a thousand there are by far too few of them.
  expect(status.channels.CS.canServe).toBe(false);
  expect((await lab.tier.status("acme", serveAll)).channels.CS.canServe).toBe(true);
});

test("labels of what passed the guards say nothing of what passes without them", async () => {
  const lab = semanticLab();
  await run(lab, 500);
  expect((await lab.tier.status("acme", serveAll)).channels.CS.canServe).toBe(true);
  const others = rulesWith({ guardsOff: new Set(["question", "language"]) });
  for (const rules of [others, rulesWith({ guardsOff: new Set(["language", "question"]) })]) {
    const { channels } = await lab.tier.status("acme", rules);
    expect(channels.CS).toMatchObject({ canServe: false, labels: 0 });
    expect(lab.tier.figures().policies).toBe(2);
  }
  // What was learnt with them is kept apart, and there again when they are.
  await lab.tier[Symbol.asyncDispose]();
  const later = lab.openTier();
  expect((await later.tier.status("acme", others)).channels.CS.canServe).toBe(false);
  expect((await later.tier.status("acme", serveAll)).channels.CS.canServe).toBe(true);
});

test("policies that have to make room are kept first", async () => {
  const lab = semanticLab({ limits: { policiesMax: 1, saveAfterMs: 60_000 } });
  await run(lab, 60);
  const before = (await lab.tier.status("acme")).channels.CS.labels;
  expect(before).toBeGreaterThan(10);
  await request(lab, { text: "somebody else asks", tenantId: "globex" });
  expect(lab.tier.figures().policies).toBe(1);
  await vi.waitFor(() => {
    expect(lab.backend.policies.has(policyKey())).toBe(true);
  });
  await idle(lab.tier);
  expect((await lab.tier.status("acme", serveAll)).channels.CS.labels).toBe(before);
});
