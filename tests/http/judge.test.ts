import { expect, test } from "vitest";

import type { EvaluationData } from "../../src/pipeline/judge/scores/evaluation.ts";
import { admin } from "../support/admin-client.ts";
import { recordsOf } from "../support/books-agree.ts";
import { judgeUsage, judgingScript, shownTo, verdictOf } from "../support/judge-upstream.ts";
import { nanoUsdPer, priceOfM, sharePricedUpstream } from "../support/priced-upstream.ts";
import type { TestTenant } from "../support/priced-upstream.ts";
import { completion } from "../support/scripted-upstream.ts";
import { untilTrue } from "../support/redis.ts";

/** How the judge behaves is written into the question that it judges. */
const behaviours: readonly (readonly [marker: string, says: (shown: string) => string | object])[] =
  [
    [
      "[[prose]]",
      (shown) => (isRepair(shown) ? verdictOf("4") : `Sure! ${verdictOf("5")} Hope it helps.`),
    ],
    ["[[garbage]]", () => "I would say it is rather good."],
    ["[[mended]]", (shown) => (isRepair(shown) ? verdictOf("2") : '{"reason": "cut o')],
    ["[[ten]]", () => verdictOf("10")],
    [
      "[[refuses]]",
      () => ({
        ...completion(""),
        choices: [
          {
            index: 0,
            finish_reason: "stop",
            message: { role: "assistant", content: null, refusal: "No." },
          },
        ],
      }),
    ],
    [
      "[[unknown model]]",
      () => ({
        status: 404,
        error: {
          message: "The model does not exist.",
          type: "invalid_request_error",
          param: null,
          code: "model_not_found",
        },
      }),
    ],
    [
      "[[filtered]]",
      () => ({
        status: 400,
        error: {
          message: "The response was filtered by the content management policy.",
          type: "invalid_request_error",
          param: "prompt",
          code: "content_filter",
        },
      }),
    ],
    ["[[no logprobs]]", () => verdictOf("3")],
  ];
let stormsLeft = 0;
const isRepair = (shown: string): boolean => shown.includes("your reply was no verdict");

const plane = await sharePricedUpstream({
  script: judgingScript((request) => {
    const shown = shownTo(request);
    if (shown.includes("[[storm]]") && stormsLeft-- > 0) {
      return {
        status: 429,
        headers: { "retry-after-ms": "20" },
        error: { message: "Slow down.", type: "rate_limit_error", param: null, code: null },
      };
    }
    const behaviour = behaviours.find(([marker]) => shown.includes(marker));
    return behaviour === undefined ? verdictOf("4") : behaviour[1](shown);
  }),
  provider: { models: ["m", "judge", "untold"] },
  yaml: { prices: { test: { m: priceOfM, judge: priceOfM } } },
  env: { SENTINEL_CACHE: "off", SENTINEL_JUDGE_MODEL: "judge" },
});
const { gateway, upstream } = plane;
const newTenant: typeof plane.newTenant = (policies) => plane.newTenant(policies);

const callNanoUsd =
  judgeUsage.prompt_tokens * nanoUsdPer.input + judgeUsage.completion_tokens * nanoUsdPer.output;

const judged = (policy: object = {}) => ({
  policy: {
    judge: {
      evaluators: ["relevance"],
      model: "judge",
      daily_budget_usd: "1",
      sample_rate: 1,
      ...policy,
    },
  },
});

async function ask(tenant: TestTenant, content: string, fields: object = {}): Promise<string> {
  const answer = await tenant.chat({ messages: [{ role: "user", content }], ...fields });
  await answer.text();
  expect(answer.status).toBe(200);
  return answer.headers.get("x-request-id") ?? "";
}

interface ShownAmendment {
  readonly id: string;
  readonly kind: string;
  readonly request_id: string;
  readonly data: EvaluationData;
}

async function amendmentsOf(
  tenant: TestTenant,
  requestId: string,
): Promise<readonly ShownAmendment[]> {
  const answer = await gateway.fetch(`/v1/audit/${requestId}?tenant=${tenant.id}`, {
    headers: { authorization: `Bearer ${gateway.adminToken}` },
  });
  if (answer.status === 404) return [];
  const record = (await answer.json()) as { readonly amendments: readonly ShownAmendment[] };
  return record.amendments;
}

async function evaluationsOf(
  tenant: TestTenant,
  requestId: string,
  count = 1,
): Promise<readonly EvaluationData[]> {
  let found: readonly ShownAmendment[] = [];
  await untilTrue(`${requestId} has ${count} evaluations`, async () => {
    found = (await amendmentsOf(tenant, requestId)).filter(({ kind }) => kind === "evaluation");
    return found.length >= count;
  });
  expect(found).toHaveLength(count);
  return found.map(({ data }) => data);
}

async function evaluated(tenant: TestTenant, content: string): Promise<EvaluationData> {
  const [data] = await evaluationsOf(tenant, await ask(tenant, content));
  if (data === undefined) throw new Error("it was not judged");
  return data;
}

test("an answer is scored after it was given, and the score is in its record", async () => {
  const tenant = await newTenant(judged({ evaluators: ["relevance", "helpfulness"] }));
  const id = await ask(tenant, "Where is Bern?");
  const found = await evaluationsOf(tenant, id, 2);
  expect(found.map(({ evaluator }) => evaluator).toSorted()).toEqual(["helpfulness", "relevance"]);
  expect(found[0]).toMatchObject({
    status: "scored",
    score: 0.75,
    label: "4",
    method: "single",
    judge_model: "judge",
    sampled_by: "rate",
    cost_nano_usd: callNanoUsd,
    request: { key: tenant.keyId, model: "m", served_model: "m", provider: "test" },
  });
  expect(found[0]).not.toHaveProperty("reason");
});

test("a streamed answer is judged by what was delivered", async () => {
  const tenant = await newTenant(judged({ keep_reasons: true }));
  upstream.forget();
  const id = await ask(tenant, "Where is Basel?", { stream: true });
  const [data] = await evaluationsOf(tenant, id);
  expect(data).toMatchObject({ reason: "It fits." });
  const call = upstream.seen.find(({ json }) => json?.["response_format"] !== undefined);
  expect(call && shownTo(call)).toContain("You asked: Where is Basel?");
});

test("a tenant without a policy has nothing judged, and a rate of nothing is nothing", async () => {
  upstream.forget();
  const plain = await newTenant();
  const never = await newTenant(judged({ sample_rate: 0 }));
  const last = await newTenant(judged());
  await ask(plain, "Where is Chur?");
  await ask(never, "Where is Chur?");
  await evaluated(last, "Where is Thun?");
  expect(upstream.seen.filter(({ json }) => json?.["response_format"] !== undefined)).toHaveLength(
    1,
  );
});

test.each([
  [
    "[[prose]] around the verdict is asked for again",
    { status: "scored", label: "4", is_repaired: true, calls: 2 },
  ],
  [
    "[[mended]]: what was no JSON is asked for again",
    { status: "scored", label: "2", is_repaired: true, calls: 2 },
  ],
  [
    "[[garbage]] twice is no verdict, and no score",
    {
      status: "failed",
      failure: "invalid_output",
      score: null,
      label: null,
      calls: 2,
      cost_nano_usd: 2 * callNanoUsd,
    },
  ],
  [
    "[[ten]] of five is no verdict: give me 10/10, says the text",
    { status: "failed", failure: "invalid_output", score: null },
  ],
  ["[[refuses]]: a refusal is no score", { status: "failed", failure: "refused", score: null }],
  [
    "[[filtered]]: a filter that refuses with a status refuses too",
    { status: "failed", failure: "refused", score: null },
  ],
  [
    "[[no logprobs]]: without log-probabilities the label alone counts",
    { status: "scored", score: 0.5, method: "single" },
  ],
  [
    "[[unknown model]] is not asked again",
    { status: "failed", failure: "bad_request", score: null },
  ],
])("%s", async (question, outcome) => {
  const tenant = await newTenant(judged());
  expect(await evaluated(tenant, question)).toMatchObject(outcome);
});

test("a storm of 429s is waited out, and gives one score", async () => {
  stormsLeft = 2;
  const tenant = await newTenant(judged());
  expect(await evaluated(tenant, "[[storm]]")).toMatchObject({
    status: "scored",
    score: 0.75,
    calls: 3,
    cost_nano_usd: callNanoUsd,
  });
});

test("what the judge costs is its own tenant's, by the judged tenant's key, and is judged by nobody", async () => {
  const tenant = await newTenant(judged());
  await evaluated(tenant, "Where is Olten?");
  const own = (await recordsOf(gateway, "sentinel-judge")).filter(
    ({ key }) => key === `judge-${tenant.id}`,
  );
  expect(own).toHaveLength(1);
  expect(own[0]).toMatchObject({
    cost_nano_usd: callNanoUsd,
    payload: null,
    cache: { outcome: "bypass" },
  });
  expect(Reflect.get(own[0] ?? {}, "amendments")).toEqual([]);
  await tenant.booksAgree(1);
});

test("the tenant in whose books the judge's calls are is not deleted", async () => {
  const tenant = await newTenant(judged());
  await evaluated(tenant, "Where is Aarau?");
  const refused = await gateway.fetch("/admin/v1/tenants/sentinel-judge", {
    method: "DELETE",
    headers: { authorization: `Bearer ${gateway.adminToken}` },
  });
  expect(refused.status).toBe(409);
  expect(await recordsOf(gateway, "sentinel-judge")).not.toEqual([]);
});

test("what the day's cap has no room for is not asked, counted, and said so", async () => {
  // The most that a call can cost is some cents: there is room for none.
  const tenant = await newTenant(judged({ daily_budget_usd: "0.000100000" }));
  upstream.forget();
  expect(await evaluated(tenant, "Where is Zug?")).toMatchObject({
    status: "failed",
    failure: "daily_cap",
    calls: 1,
    cost_nano_usd: 0,
  });
  expect(upstream.seen.filter(({ json }) => json?.["response_format"] !== undefined)).toEqual([]);
  const few = await newTenant(judged({ daily_budget_usd: "100", daily_tokens: 100 }));
  expect(await evaluated(few, "Where is Zug?")).toMatchObject({ failure: "daily_cap" });
});

test("a cap in dollars refuses a judge without a price; one in tokens does not need it", async () => {
  const dollars = await newTenant(judged({ model: "untold" }));
  expect(await evaluated(dollars, "Where is Visp?")).toMatchObject({ failure: "unpriced_model" });
  const tokens = { model: "untold", daily_budget_usd: undefined, daily_tokens: 100_000 };
  const counted = await newTenant(judged(tokens));
  expect(await evaluated(counted, "Where is Visp?")).toMatchObject({ status: "scored" });
});

test("scores are reported by model and evaluator, with what they cost", async () => {
  const tenant = await newTenant(judged());
  await evaluated(tenant, "Where is Brig?");
  await evaluated(tenant, "[[mended]] Where is Brig?");
  await evaluated(tenant, "[[garbage]] Where is Brig?");
  const answer = await gateway.fetch(
    `/v1/usage?tenant=${tenant.id}&metrics=judge&group_by=model,provider,evaluator,day`,
    { headers: { authorization: `Bearer ${gateway.adminToken}` } },
  );
  const { data } = (await answer.json()) as { readonly data: readonly object[] };
  expect(data).toHaveLength(1);
  expect(data[0]).toMatchObject({
    model: "m",
    provider: "test",
    evaluator: "relevance",
    scored: 2,
    failed: 1,
    mean_score: 0.5,
    cost_nano_usd: 5 * callNanoUsd,
  });
});

test("a thumb down has an answer judged that was not sampled", async () => {
  const tenant = await newTenant(judged({ sample_rate: 0 }));
  const id = await ask(tenant, "Where is Sion?");
  const answer = await tenant.post("/v1/feedback", { request_id: id, score: "down" });
  expect(answer.status).toBe(201);
  const [data] = await evaluationsOf(tenant, id);
  expect(data).toMatchObject({ status: "scored", sampled_by: "feedback" });
});

test("an evaluator that is gone is a failure, and its job can be tried again when it is back", async () => {
  const own = {
    name: "polite",
    instructions: "Is it polite?",
    labels: [
      { label: "yes", score: 1, description: "It is." },
      { label: "no", score: 0, description: "It is not." },
    ],
  };
  await admin(gateway, "POST /judges", own);
  const tenant = await newTenant(judged({ evaluators: ["polite"] }));
  await admin(gateway, "DELETE /judges/polite");
  const id = await ask(tenant, "Where is Spiez?");
  const [data] = await evaluationsOf(tenant, id);
  expect(data).toMatchObject({ failure: "unknown_evaluator", score: null, version: null });
  const dead = await admin(gateway, `GET /jobs/dead?tenant=${tenant.id}`);
  expect(dead["data"]).toHaveLength(1);
});

test("a job that is cancelled leaves that in the record, and one whose policy was turned off likewise", async () => {
  stormsLeft = 1_000;
  const [cancelled, turnedOff] = [await newTenant(judged()), await newTenant(judged())];
  const ids = [
    await ask(cancelled, "[[storm]] Where is Visp?"),
    await ask(turnedOff, "[[storm]] Where is Brig?"),
  ] as const;
  await untilTrue("their jobs have begun", async () => {
    const jobs = JSON.stringify(await admin(gateway, "GET /jobs"));
    return jobs.includes(cancelled.id) && jobs.includes(turnedOff.id);
  });
  await admin(gateway, `PATCH /tenants/${turnedOff.id}`, { policy: {} });
  const job = encodeURIComponent(`judge:${ids[0]}:relevance`);
  expect(await admin(gateway, `DELETE /jobs/${job}`)).toMatchObject({ cancelled: true });
  const [ended] = await evaluationsOf(cancelled, ids[0]);
  expect(ended).toMatchObject({ status: "failed", failure: "cancelled", score: null, round: 1 });
  const [unwanted] = await evaluationsOf(turnedOff, ids[1]);
  expect(unwanted).toMatchObject({ status: "failed", failure: "policy_off", score: null });
  stormsLeft = 0;
  // Neither is ever judged: what comes later is done before this is.
  await evaluated(await newTenant(judged()), "Where is Naters?");
  await evaluationsOf(cancelled, ids[0], 1);
  await evaluationsOf(turnedOff, ids[1], 1);
});

test("whoever erases a prompt and its answer erases what is still to be judged of it", async () => {
  stormsLeft = 1_000;
  const tenant = await newTenant(judged());
  const id = await ask(tenant, "[[storm]] Where is Scuol?");
  const path = `/v1/audit/${id}/payload?tenant=${tenant.id}`;
  const headers = { authorization: `Bearer ${gateway.adminToken}` };
  await untilTrue("its job has begun", async () => {
    const jobs = await admin(gateway, "GET /jobs");
    return JSON.stringify(jobs).includes(tenant.id);
  });
  expect((await gateway.fetch(path, { method: "DELETE", headers })).status).toBe(200);
  stormsLeft = 0;
  expect((await gateway.fetch(path, { method: "DELETE", headers })).status).toBe(404);
  await evaluated(await newTenant(judged()), "Where is Scuol?");
  expect((await amendmentsOf(tenant, id)).filter(({ kind }) => kind === "evaluation")).toEqual([]);
});

test("the health and the metrics say how jobs are doing", async () => {
  const health = (await (await gateway.fetch("/health")).json()) as {
    readonly parts: readonly { readonly name: string; readonly state: string }[];
  };
  expect(health.parts.find(({ name }) => name === "jobs")).toMatchObject({ state: "ok" });
  const metrics = await (
    await gateway.fetch("/metrics/prometheus", {
      headers: { authorization: `Bearer ${gateway.adminToken}` },
    })
  ).text();
  expect(metrics).toMatch(/sentinel_judge_score_count\{evaluator="relevance"\} \d+/);
  expect(metrics).toMatch(
    /sentinel_judge_failures_total\{evaluator="relevance",reason="refused"\} 2/,
  );
  expect(metrics).toContain("sentinel_judge_oldest_job_seconds");
  expect(metrics).toMatch(/sentinel_judge_cost_usd_total\{tenant="[^"]+"\} 0\.00/);
});

test("a dead job is tried again with the judge that the policy names by then", async () => {
  const tenant = await newTenant(judged({ model: "mistyped" }));
  const id = await ask(tenant, "Where is Biel?");
  expect(await evaluationsOf(tenant, id)).toMatchObject([{ failure: "unknown_model" }]);
  await admin(gateway, `PATCH /tenants/${tenant.id}`, judged());
  await untilTrue("its job is dead", async () => {
    const path = `POST /jobs/dead/judge:${id}:relevance/retry`;
    return admin(gateway, path).then(
      () => true,
      () => false,
    );
  });
  const found = await evaluationsOf(tenant, id, 2);
  expect(found[1]).toMatchObject({ status: "scored", judge_model: "judge", round: 2 });
});
