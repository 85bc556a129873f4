import { ulid } from "ulid";
import { expect, test, vi } from "vitest";

import { EmbedFailure } from "../../../../src/pipeline/cache/embedder.ts";
import type { SemanticTierDeps } from "../../../../src/pipeline/cache/create-semantic-tier.ts";
import { seededRandom } from "../../../support/seeded-random.ts";
import {
  answerFor,
  begin,
  idle,
  keyPartsFor,
  paraphrase,
  request,
  requestFor,
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
const forever = (): Promise<never> => new Promise(() => undefined);
const signal = (): AbortSignal => new AbortController().signal;

/** No audits: what may be served is served. */
const always = { random: () => 0.999 };

/** A tier that serves, with one question that was answered. */
async function serving(
  channels: { readonly forms?: boolean; readonly near?: boolean } = {},
  options: Partial<SemanticTierDeps> = {},
): Promise<SemanticLab> {
  const lab = semanticLab({ ...always, ...options });
  teach(lab.backend, channels);
  await request(lab, { text, says: "the answer" });
  lab.embedder.single = 0;
  lab.embedder.many = 0;
  return lab;
}

const find = (lab: SemanticLab, ask: Ask) => begin(lab, ask).asking.find(signal());

test("what means the same is served, with its similarity", async () => {
  const lab = await serving();
  const hit = await find(lab, { text: reordered });
  expect(textOf(hit)).toBe("the answer");
  expect(hit?.similarity).toBeCloseTo(1, 5);
  expect(lab.embedder.single).toBe(1);
});

test("what is written the same but for courtesy is served without a vector", async () => {
  const lab = await serving();
  expect(textOf(await find(lab, { text: `Please, ${text}?` }))).toBe("the answer");
  expect(lab.embedder.single).toBe(0);
});

test("where only normal forms may serve, nothing is ever embedded before the answer", async () => {
  const lab = await serving({ near: false });
  expect(textOf(await find(lab, { text: `Hello, ${text}!` }))).toBe("the answer");
  expect(find(lab, { text: reordered })).toBeUndefined();
  expect(lab.embedder.single).toBe(0);
});

test("while no channel can serve, the answer is no at once, and nothing is embedded or loaded for it", async () => {
  const lab = await serving({ near: false, forms: false });
  const calls = { ...lab.store.calls };
  expect(find(lab, { text })).toBeUndefined();
  expect(find(lab, { text, system: "Another one." })).toBeUndefined();
  await idle(lab.tier);
  expect(lab.embedder.single + lab.embedder.many).toBe(0);
  expect(lab.store.calls).toEqual(calls);
});

test("in shadow mode nothing is looked for", async () => {
  const lab = await serving();
  const rules = rulesWith({ mode: "shadow" });
  expect(find(lab, { text: reordered, rules })).toBeUndefined();
  expect(lab.embedder.single).toBe(0);
});

test("a request with a signal that is over finds nothing", async () => {
  const lab = await serving();
  const { asking } = begin(lab, { text: reordered });
  expect(asking.find(AbortSignal.abort())).toBeUndefined();
});

test("policies and shards are loaded once, at their first use and beside the requests", async () => {
  const lab = await serving();
  const later = { ...lab, ...lab.openTier() };
  for (let at = 0; at < 10; at++) expect(find(later, { text: reordered })).toBeUndefined();
  await vi.waitFor(() => {
    expect(later.tier.figures().policies).toBe(1);
  });
  for (let at = 0; at < 10; at++) expect(find(later, { text: reordered })).toBeUndefined();
  await vi.waitFor(() => {
    expect(later.tier.figures().shards).toBe(1);
  });
  expect(textOf(await find(later, { text: reordered }))).toBe("the answer");
  expect(later.store.calls).toEqual({ loadPolicy: 1, loadShard: 1, answerOf: 1 });
  expect(later.embedder.single).toBe(1);
});

test("only so many shards are loaded at a time, and what failed is not tried again at once", async () => {
  const lab = await serving();
  const loading = lab.openTier({ limits: { loadsAtOnceMax: 3 } });
  const later = { ...lab, ...loading };
  await later.tier.status("acme", serveAll);
  const failures: (() => void)[] = [];
  later.store.before = () =>
    new Promise((_, reject) => {
      failures.push(() => {
        reject(new Error("The store is down."));
      });
    });
  const askAll = (): void => {
    for (let at = 0; at < 20; at++)
      expect(find(later, { text, system: `System ${at}` })).toBeUndefined();
  };
  askAll();
  expect(later.store.calls["loadShard"]).toBe(3);
  for (const fail of failures) fail();
  await vi.waitFor(() => {
    expect(lab.errors).toHaveLength(1);
  });
  later.store.before = () => Promise.resolve();
  expect(find(later, { text, system: "System 0" })).toBeUndefined();
  await idle(later.tier);
  expect(later.store.calls["loadShard"]).toBe(3);
  lab.clock.advance(10_001);
  expect(find(later, { text, system: "System 0" })).toBeUndefined();
  expect(later.store.calls["loadShard"]).toBe(4);
});

test("an embedder that hangs delays a request by its limit, and after three of them none", async () => {
  const lab = await serving({ forms: false }, { limits: { embedMs: 20 } });
  lab.embedder.before = forever;
  for (let at = 0; at < 3; at++) {
    const begun = performance.now();
    expect(await find(lab, { text: reordered })).toBeUndefined();
    expect(performance.now() - begun).toBeLessThan(120);
  }
  expect(find(lab, { text: reordered })).toBeUndefined();
  expect(lab.embedder.single).toBe(3);
  lab.embedder.before = () => Promise.resolve();
  lab.clock.advance(5_001);
  expect(textOf(await find(lab, { text: reordered }))).toBe("the answer");
});

test("an embedder that fails makes a miss, whatever it throws", async () => {
  const lab = await serving({ forms: false });
  const kinds = [new EmbedFailure("too_long", "It is long."), new Error("No."), "no error at all"];
  for (const thrown of kinds) {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- Whatever it throws.
    lab.embedder.before = () => Promise.reject(thrown);
    expect(await find(lab, { text: reordered })).toBeUndefined();
  }
  expect(lab.tier.figures()).toMatchObject({ embedFailures: 3, lastEmbedFailure: "unavailable" });
});

test("a store that hangs or fails makes a miss within the limit, and then none is asked for a while", async () => {
  const lab = await serving({}, { limits: { findMs: 20 } });
  lab.store.before = forever;
  const begun = performance.now();
  expect(await find(lab, { text: reordered })).toBeUndefined();
  expect(performance.now() - begun).toBeLessThan(120);
  lab.store.before = () => Promise.reject(new Error("The store is down."));
  expect(await find(lab, { text: reordered })).toBeUndefined();
  expect(await find(lab, { text: reordered })).toBeUndefined();
  const asked = lab.store.calls["answerOf"];
  expect(await find(lab, { text: reordered })).toBeUndefined();
  expect(lab.store.calls["answerOf"]).toBe(asked);
  expect(lab.errors).toHaveLength(1);
});

test("a client who leaves ends the wait", async () => {
  const lab = await serving({ forms: false }, { limits: { embedMs: 60_000 } });
  lab.embedder.before = forever;
  const controller = new AbortController();
  const { asking } = begin(lab, { text: reordered });
  const found = asking.find(controller.signal);
  controller.abort(new Error("The client left."));
  expect(await found).toBeUndefined();
  expect(lab.tier.figures().embedFailures).toBe(0);
});

test("guards forbid what the vector does not see, and a route can go without them", async () => {
  const lab = semanticLab(always);
  const guarded = rulesWith({ guardsOff: new Set() });
  for (const rules of [guarded, serveAll]) {
    teach(lab.backend, { rules });
    await lab.tier.status("acme", rules);
  }
  const cached = "How long does delivery to Berlin take for 3 parcels?";
  await request(lab, { text: cached, says: "Two days." });
  const other = "How long does delivery to Berlin take for 4 parcels?";
  expect(await find(lab, { text: other, rules: guarded })).toBeUndefined();
  expect(textOf(await find(lab, { text: other }))).toBe("Two days.");
  expect(textOf(await find(lab, { text: `${cached} `, rules: guarded }))).toBe("Two days.");
});

test("an entry whose answer is gone is forgotten, and the next request goes straight on", async () => {
  const lab = await serving({ forms: false });
  lab.backend.answers.clear();
  expect(await find(lab, { text: reordered })).toBeUndefined();
  expect(lab.embedder.single).toBe(1);
  expect(find(lab, { text: reordered })).toBeUndefined();
  expect(lab.embedder.single).toBe(1);
});

test("an answer that is over is not served", async () => {
  const lab = await serving();
  lab.clock.advance(3_600_001);
  expect(await find(lab, { text: reordered })).toBeUndefined();
});

test("after a purge nothing of it is served, here or in a replica that held it", async () => {
  const lab = await serving();
  const other = { ...lab, ...lab.openTier() };
  await request(other, { text: "somebody else", says: "something else" });
  expect(textOf(await find(other, { text: reordered }))).toBe("the answer");
  const what = { tenantId: "acme" };
  await lab.store.purge(what);
  lab.tier.purged(what);
  expect(await find(lab, { text: reordered })).toBeUndefined();
  expect(await find(other, { text: reordered })).toBeUndefined();
  await idle(lab.tier);
  expect(await find(lab, { text: reordered })).toBeUndefined();
  const restarted = { ...lab, ...lab.openTier() };
  await restarted.tier.status("acme", serveAll);
  expect(find(restarted, { text: reordered })).toBeUndefined();
  await vi.waitFor(() => {
    expect(restarted.tier.figures().shards).toBe(1);
  });
  expect(find(restarted, { text: reordered })).toBeUndefined();
});

test("a purge that comes while the answer is fetched is heeded", async () => {
  const lab = await serving();
  const fetching = Promise.withResolvers<undefined>();
  lab.store.before = (call) => (call === "answerOf" ? fetching.promise : Promise.resolve());
  const found = find(lab, { text: `Please ${text}` });
  lab.tier.purged({ tenantId: "acme" });
  fetching.resolve(undefined);
  expect(await found).toBeUndefined();
});

test("a purge that comes while a shard is loaded is heeded", async () => {
  const lab = await serving();
  const later = { ...lab, ...lab.openTier() };
  await later.tier.status("acme", serveAll);
  const loading = Promise.withResolvers<undefined>();
  later.store.before = () => loading.promise;
  expect(find(later, { text: reordered })).toBeUndefined();
  later.tier.purged({ tenantId: "acme" });
  loading.resolve(undefined);
  await idle(later.tier);
  expect(later.tier.figures().shards).toBe(0);
});

test("what another replica stores while a shard is loaded is in it", async () => {
  const lab = await serving();
  const later = { ...lab, ...lab.openTier() };
  await later.tier.status("acme", serveAll);
  const loaded = Promise.withResolvers<undefined>();
  const loadShard = later.store.loadShard.bind(later.store);
  later.store.loadShard = async (where, most) => {
    const shard = await loadShard(where, most);
    await loaded.promise;
    return shard;
  };
  expect(find(later, { text: reordered })).toBeUndefined();
  const news = wordsOf(2);
  await request(lab, { text: news.join(" "), says: "news" });
  loaded.resolve(undefined);
  await vi.waitFor(() => {
    expect(later.tier.figures().shards).toBe(1);
  });
  expect(textOf(await find(later, { text: news.toReversed().join(" ") }))).toBe("news");
});

test("a replica that has missed something forgets its shards and loads them again", async () => {
  const lab = await serving();
  lab.store.loseTrack();
  expect(lab.tier.figures()).toMatchObject({ shards: 0, indexBytes: 0 });
  expect(find(lab, { text: reordered })).toBeUndefined();
  await vi.waitFor(() => {
    expect(lab.tier.figures().shards).toBe(1);
  });
  expect(textOf(await find(lab, { text: reordered }))).toBe("the answer");
});

test("vectors of another embedder are not compared", async () => {
  const lab = await serving({ forms: false });
  for (const [key, entry] of lab.backend.entries)
    lab.backend.entries.set(key, { ...entry, embedderId: "other" });
  const later = { ...lab, ...lab.openTier() };
  await later.tier.status("acme", serveAll);
  expect(find(later, { text: reordered })).toBeUndefined();
  await vi.waitFor(() => {
    expect(later.tier.figures().shards).toBe(1);
  });
  expect(await find(later, { text: reordered })).toBeUndefined();
  expect(later.embedder.single).toBe(1);
});

test("in 10,000 probes no tenant, system prompt or model gets what another one's traffic made", async () => {
  const lab = semanticLab(always);
  const random = seededRandom(3);
  const pick = (count: number): number => Math.floor(random() * count);
  const tenants = ["acme", "acme2", "globex", "initech"];
  for (const tenantId of tenants) teach(lab.backend, { tenantId });
  const at = (): Ask => ({
    tenantId: tenants[pick(tenants.length)] ?? "",
    system: `System ${pick(3)}`,
    text: paraphrase(pick(8), random),
  });
  const placeOf = ({ tenantId, system }: Ask): string => `${tenantId} | ${system}`;
  for (let one = 0; one < 300; one++) {
    const ask = at();
    await request(lab, { ...ask, says: placeOf(ask) });
  }
  let hits = 0;
  // The second half is asked of a replica that has built its index from the store.
  const rebuilt = { ...lab, ...lab.openTier() };
  for (let probe = 0; probe < 10_000; probe++) {
    const ask = at();
    const hit = await find(probe < 5_000 ? lab : rebuilt, ask);
    if (hit === undefined) continue;
    hits++;
    expect(textOf(hit)).toBe(placeOf(ask));
    expect(hit.answer.tenantId).toBe(ask.tenantId);
  }
  expect(hits).toBeGreaterThan(8_000);
  for (const strange of ["nobody", "acme\n", ""]) {
    const { rules } = { rules: serveAll };
    const ask = { text, tenantId: strange };
    const id = ulid();
    const asked = { id, rules, key: keyPartsFor(ask), request: requestFor(ask) };
    const asking = lab.tier.begin(asked);
    expect(typeof asking === "string" ? asking : asking.find(signal())).toBeUndefined();
  }
}, 60_000);

test("a store that gives another tenant's answer, or another one than was meant, is not believed", async () => {
  const lab = await serving();
  for (const wrong of [{ tenantId: "globex" }, { requestId: ulid() }]) {
    const answer = answerFor(ulid(), { text, says: "not yours" }, lab.clock.epochMs());
    lab.store.answerOf = () => Promise.resolve({ ...answer, ...wrong });
    expect(await find(lab, { text: reordered })).toBeUndefined();
  }
});

test("what is no question to compare is left alone, with the reason", () => {
  const lab = semanticLab();
  const ask = { text: "" };
  const asked = { id: ulid(), rules: serveAll, key: keyPartsFor(ask), request: requestFor(ask) };
  expect(lab.tier.begin(asked)).toBe("no_question");
  expect(lab.tier.begin({ ...asked, key: { ...asked.key, endpoint: "embeddings" } })).toBe(
    "endpoint",
  );
});
