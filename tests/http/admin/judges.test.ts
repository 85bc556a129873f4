import { expect, test } from "vitest";

import { evaluatorSchema } from "../../../src/config/judge-config.ts";
import type { JudgeAsked } from "../../../src/http/routes/admin/judge-deps.ts";
import type { Verdict } from "../../../src/pipeline/judge/asking/verdict.ts";
import { adminApp } from "../../support/admin-app.ts";
import type { Answer } from "../../support/admin-app.ts";

const labels = [
  { label: "rude", score: 0, description: "It insults or mocks." },
  { label: "plain", score: 0.5, description: "Neither." },
  { label: "polite", score: 1, description: "It is courteous." },
];
const politeness = { name: "politeness", instructions: "How polite is the answer?", labels };
const brevity = evaluatorSchema.parse({
  instructions: "How short?",
  scale: { anchors: { 1: "Long.", 5: "Short." } },
});
const spend = { calls: 1, nanoUsd: 123_000, inputTokens: 90, outputTokens: 8 };
const polite: Verdict = {
  kind: "scored",
  score: 0.87654321,
  label: "polite",
  method: "logprobs",
  samples: 1,
  reason: "It says please.",
  isRepaired: false,
  spend,
};

const listed = (answer: Answer) => answer.body["data"] as Record<string, unknown>[];
const namesIn = (answer: Answer) => listed(answer).map(({ name }) => name);
const saidOf = (at: number) => ({ human_label: at % 2 === 0 ? "polite" : "rude" });
/** The judge is right but for the last one. */
const items = Array.from({ length: 8 }, (_, at) => ({
  ...saidOf(at),
  status: "scored",
  label: at === 7 ? "polite" : saidOf(at).human_label,
  score: at === 7 ? 1 : at % 2 === 0 ? 1 : 0,
  characters: [100 + at],
}));
const anchors = items.map(({ human_label, label, score }, at) => ({
  subject: { kind: "answer", question: `secret question ${at}`, answer: "secret answer" },
  human_label,
  label,
  score,
}));

test("an evaluator is made, shown, found by its name and its version, and deleted", async () => {
  await using app = await adminApp();
  const made = await app.platform("POST /judges", politeness);
  expect(made.status).toBe(201);
  const version = String(made.body["version"]);
  expect(made.body).toEqual({
    object: "judge",
    name: "politeness",
    version: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
    source: "admin",
    subject: "answer",
    ordinal: false,
    model: null,
    labels,
    calibrations: [],
    created_at: Math.floor(app.clock.epochMs() / 1_000),
    instructions: "How polite is the answer?",
    temperature: 0,
    max_tokens: 500,
    samples: 1,
    logprobs: true,
    reason: true,
    versions: [{ version, is_current: true, created_at: Math.floor(app.clock.epochMs() / 1_000) }],
  });
  expect((await app.platform("GET /judges/politeness")).body).toEqual(made.body);
  expect((await app.platform(`GET /judges/politeness%40${version}`)).body).toEqual(made.body);
  expect(namesIn(await app.platform("GET /judges"))).toContain("politeness");

  const gone = await app.platform("DELETE /judges/politeness");
  expect(gone.body).toEqual({ object: "judge.deleted", name: "politeness", deleted: true });
  expect((await app.platform("GET /judges/politeness")).status).toBe(404);
  expect((await app.platform("DELETE /judges/politeness")).status).toBe(404);
  expect(app.evaluators.find(`politeness@${version}`)).toBeUndefined();
  expect(app.changes).toEqual([
    { action: "judge.set", by: "platform", subject: `politeness@${version}` },
    { action: "judge.deleted", by: "platform", subject: "politeness" },
  ]);
});

test("the same definition is the same version, another one is what the name means from then on", async () => {
  await using app = await adminApp();
  const first = await app.platform("POST /judges", politeness);
  const again = await app.platform("POST /judges", { ...politeness, samples: 1 });
  expect(again.status).toBe(200);
  expect(again.body).toEqual(first.body);
  const second = await app.platform("POST /judges", { ...politeness, samples: 3 });
  expect(second.status).toBe(201);
  expect(second.body["version"]).not.toBe(first.body["version"]);
  expect(second.body["versions"]).toMatchObject([
    { version: second.body["version"], is_current: true },
    { version: first.body["version"], is_current: false },
  ]);
  expect(app.evaluators.find("politeness")?.version).toBe(second.body["version"]);
  const older = await app.platform(`GET /judges/politeness@${String(first.body["version"])}`);
  expect(older.body).toMatchObject({ version: first.body["version"], samples: 1 });
});

test("those that Sentinel brings along and those of the file are shown, and stay as they are", async () => {
  await using app = await adminApp({ judges: [{ name: "brevity", input: brevity }] });
  const all = listed(await app.platform("GET /judges"));
  const sources = all.map(({ name, source }) => [name, source]);
  expect(sources).toContainEqual(["relevance", "built-in"]);
  expect(sources).toContainEqual(["brevity", "file"]);
  const relevance = await app.platform("GET /judges/relevance");
  expect(relevance.body["instructions"]).toContain("relevan");
  for (const name of ["relevance", "brevity"]) {
    expect((await app.platform(`DELETE /judges/${name}`)).status).toBe(409);
  }
  const taken = await app.platform("POST /judges", { ...politeness, name: "brevity" });
  expect(taken.status).toBe(409);
  expect(taken.text).toContain("configuration file");
  const builtIn = await app.platform("POST /judges", { ...politeness, name: "relevance" });
  expect(builtIn.body).toMatchObject({ error: { param: "name" } });
});

const scale = { min: 1, max: 3, anchors: { 1: "Bad.", 3: "Good." } };

test.each([
  [{ ...politeness, name: "Politeness" }, "name"],
  [{ ...politeness, instructions: " " }, "instructions"],
  [{ ...politeness, instructions: "x".repeat(16_001) }, "instructions"],
  [{ ...politeness, labels: undefined }, "labels"],
  [{ ...politeness, labels: labels.slice(0, 1) }, "labels"],
  [{ ...politeness, labels: [labels[0], labels[0]] }, "labels[1].label"],
  [{ ...politeness, labels: [labels[0], { ...labels[1], score: 1.5 }] }, "labels[1].score"],
  [{ ...politeness, labels: [labels[0], { ...labels[1], label: "two words" }] }, "labels[1].label"],
  [{ ...politeness, labels: labels.map((each) => ({ ...each, score: null })) }, "labels"],
  [{ ...politeness, scale }, "scale"],
  [{ ...politeness, labels: undefined, scale: { ...scale, max: 1 } }, "scale.max"],
  [{ ...politeness, labels: undefined, scale: { ...scale, max: 4 } }, "scale.anchors"],
  [{ ...politeness, subject: "pair" }, "labels"],
  [{ ...politeness, samples: 10 }, "samples"],
  [{ ...politeness, samples: 3, temperature: 0 }, "temperature"],
  [{ ...politeness, instruction: "x" }, "instruction"],
])("%j is refused, and the field is named", async (asked, param) => {
  await using app = await adminApp();
  const refused = await app.platform("POST /judges", asked);
  expect(refused.status).toBe(400);
  expect(refused.body).toMatchObject({ error: { param } });
  expect(await app.judges.listEvaluators()).toEqual([]);
});

test("judges are the platform's: no tenant's key sees or makes one", async () => {
  await using app = await adminApp();
  const asks = ["GET /judges", "GET /judges/relevance", "POST /judges", "DELETE /judges/x"];
  const more = ["POST /judges/relevance/evaluate", "POST /judges/relevance/calibrations"];
  const ask = await app.as("admin", "acme");
  for (const what of [...asks, ...more, "GET /judges/relevance/calibrations"]) {
    const refused = await ask(what, what.startsWith("POST") ? politeness : undefined);
    expect(refused.status, what).toBe(403);
  }
});

test("a text is judged at once, by the model that is asked for", async () => {
  const asked: JudgeAsked[] = [];
  const evaluate = (each: JudgeAsked) => {
    asked.push(each);
    return Promise.resolve(polite);
  };
  await using app = await adminApp({ evaluate });
  await app.platform("POST /judges", politeness);
  const subject = { kind: "answer", question: "May I?", answer: "Please do." };
  const judged = await app.platform("POST /judges/politeness/evaluate", { model: "o3", subject });
  expect(judged.status).toBe(200);
  expect(judged.body).toEqual({
    object: "judge.verdict",
    evaluator: "politeness",
    version: app.evaluators.find("politeness")?.version,
    model: "o3",
    status: "scored",
    score: 0.876543,
    label: "polite",
    label_swapped: null,
    orders_agree: null,
    method: "logprobs",
    reason: "It says please.",
    failure: null,
    cost_usd: "0.000123000",
    cost_nano_usd: 123_000,
  });
  expect(asked).toMatchObject([
    {
      model: "o3",
      evaluator: { name: "politeness" },
      judged: { subject: "answer", question: "May I?", answer: "Please do.", system: "" },
    },
  ]);
});

test("of a pair the label is what the order as given said, and the other order's stands beside it", async () => {
  const tie = { ...polite, label: "tie", score: 0.5, ordersAgree: false };
  const verdict: Verdict = { ...tie, orders: { given: "first", swapped: "second" } };
  await using app = await adminApp({ evaluate: () => Promise.resolve(verdict), judgeModel: "o3" });
  const subject = { kind: "pair", question: "?", first: "a", second: "b" };
  const judged = await app.platform("POST /judges/pairwise-preference/evaluate", { subject });
  expect(judged.body).toMatchObject({
    model: "o3",
    score: 0.5,
    label: "first",
    label_swapped: "second",
    orders_agree: false,
  });
});

test("a judge that fails is an answer, and says what it cost all the same", async () => {
  const failed: Verdict = { kind: "failed", failure: "invalid_output", mayRetry: false, spend };
  await using app = await adminApp({ evaluate: () => Promise.resolve(failed), judgeModel: "o3" });
  const subject = { kind: "answer", answer: "x" };
  const judged = await app.platform("POST /judges/relevance/evaluate", { subject });
  expect(judged.status).toBe(200);
  expect(judged.body).toMatchObject({
    status: "failed",
    failure: "invalid_output",
    score: null,
    label: null,
    cost_nano_usd: 123_000,
  });
});

test("what cannot be judged is refused before anybody is asked", async () => {
  await using app = await adminApp();
  const subject = { kind: "answer", answer: "x" };
  const pair = { kind: "pair", first: "x", second: "y" };
  await app.platform("POST /judges", { ...politeness, model: "gpt-4o" });
  const refusals = [
    ["relevance", { subject }, 400, "model"],
    ["relevance", { subject: pair, model: "o3" }, 400, "subject.kind"],
    ["relevance", { model: "o3" }, 400, "subject"],
    ["politeness", { subject, model: "o3" }, 400, "model"],
    ["politness", { subject, model: "o3" }, 404, null],
  ] as const;
  for (const [name, body, status, param] of refusals) {
    const refused = await app.platform(`POST /judges/${name}/evaluate`, body);
    expect(refused.status).toBe(status);
    expect(refused.body).toMatchObject({ error: { param } });
  }
});

test("a calibration is worked out, kept, and shown with the evaluator; its anchors' texts are not", async () => {
  await using app = await adminApp();
  const { version } = (await app.platform("POST /judges", politeness)).body;
  const body = { version, model: "o3", items, anchors };
  const made = await app.platform("POST /judges/politeness/calibrations", body);
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    object: "judge.calibration",
    evaluator: "politeness",
    version,
    model: "o3",
    report: { items: 8, compared: 8, failed: 0, accuracy: 0.875, kappa: { value: 0.75 } },
    anchors: { count: 8, kappa: 0.75 },
    last_anchor_run: null,
    drift: null,
  });
  const id = String(made.body["id"]);
  expect(await app.judges.getAnchors(id)).toMatchObject(anchors);
  expect(app.evaluators.calibration("politeness", String(version), "o3")?.accuracy).toBe(0.875);

  const run = { day: "2026-11-21", kappa: 0.649999, n: 8, failed: 0 };
  await app.judges.putAnchorRun(id, run);
  const history = await app.platform("GET /judges/politeness/calibrations");
  expect(listed(history)).toMatchObject([{ id, anchor_runs: [run], is_drifting: true }]);
  expect(history.text).not.toContain("secret");
  const shown = await app.platform("GET /judges/politeness");
  expect(shown.body["calibrations"]).toMatchObject([
    { id, model: "o3", accuracy: 0.875, last_anchor_run: run, is_drifting: true },
  ]);
  expect(app.changes.at(-1)).toEqual({
    action: "judge.calibrated",
    by: "platform",
    subject: `politeness@${String(version)} o3`,
  });
});

test("a calibration that fits no version, model or kind of text is refused", async () => {
  await using app = await adminApp();
  const { version } = (await app.platform("POST /judges", { ...politeness, model: "o3" })).body;
  const body = { version, model: "o3", items };
  const pair = { subject: { kind: "pair", first: "a", second: "b" }, human_label: "rude" };
  const refusals = [
    [{ ...body, version: "0123456789ab" }, "version"],
    [{ ...body, model: "gpt-4o" }, "model"],
    [{ ...body, items: [] }, "items"],
    [{ ...body, anchors: [...anchors, pair] }, "anchors[8].subject.kind"],
  ] as const;
  for (const [asked, param] of refusals) {
    const refused = await app.platform("POST /judges/politeness/calibrations", asked);
    expect(refused.status).toBe(400);
    expect(refused.body).toMatchObject({ error: { param } });
  }
  expect(await app.judges.listCalibrations()).toEqual([]);
});

const judge = { evaluators: ["relevance"], model: "gpt-4o-mini", daily_budget_usd: "1" };

test("a tenant's policy names who judges its answers, for the platform admin alone", async () => {
  await using app = await adminApp();
  const made = await app.platform("POST /tenants", { id: "acme", name: "a", policy: { judge } });
  expect(made.status).toBe(201);
  expect(made.body["policy"]).toEqual({ judge: { ...judge, sample_rate: 0.05 } });
  const ask = await app.as("admin", "acme");
  expect((await ask("PATCH /tenants/acme", { policy: { judge } })).status).toBe(403);
  const key = { name: "k", role: "inference", policy: { judge } };
  expect((await app.platform("POST /keys", key)).body).toMatchObject({
    error: { param: "policy.judge" },
  });
});

test.each([
  [["relevence"], "evaluators[0]", "Did you mean 'relevance'?"],
  [["relevance", "taste"], "evaluators[1]", "There are relevance, faithfulness"],
  [["relevance@0123456789ab"], "evaluators[0]", "has no version 0123456789ab"],
  [["pairwise-preference"], "evaluators[0]", "compares two answers"],
  [[], "evaluators", "must name an evaluator"],
])("a policy with the evaluators %j is refused, and says why", async (evaluators, param, why) => {
  await using app = await adminApp();
  await app.platform("POST /tenants", { id: "acme", name: "a" });
  const policy = { judge: { ...judge, evaluators } };
  const refused = await app.platform("PATCH /tenants/acme", { policy });
  expect(refused.status).toBe(400);
  expect(refused.body).toMatchObject({ error: { param: `policy.judge.${param}` } });
  expect(refused.text).toContain(why);
  expect((await app.store.getTenant("acme"))?.policy).toEqual({});
});

test("an evaluator that another replica has just made is known to whoever names it in a policy", async () => {
  await using app = await adminApp();
  const { name, ...definition } = politeness;
  const made = { name, version: "0123456789ab", definition, createdAtMs: 1 };
  await app.judges.putEvaluator(made, { versionsMax: 10 });
  expect(app.evaluators.find("politeness")).toBeUndefined();
  const policy = { judge: { ...judge, evaluators: ["politeness"] } };
  const answer = await app.platform("POST /tenants", { id: "acme", name: "a", policy });
  expect(answer.status).toBe(201);
});

test("an evaluator that this version cannot read is shown with what to do, and means nothing", async () => {
  await using app = await adminApp();
  const strange = { name: "strange", version: "0123456789ab", definition: { from_the_future: 1 } };
  await app.judges.putEvaluator({ ...strange, createdAtMs: 1 }, { versionsMax: 10 });
  await app.evaluators.refresh();
  expect(app.evaluators.find("strange")).toBeUndefined();
  expect(listed(await app.platform("GET /judges")).at(-1)).toEqual({
    object: "judge",
    name: "strange",
    version: "0123456789ab",
    source: "admin",
    problem: "This version cannot read the stored evaluator strange@0123456789ab. Create it again.",
  });
});
