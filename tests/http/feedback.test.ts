import { ulid } from "ulid";
import { afterAll, expect, test } from "vitest";

import { anEntry } from "../support/audit-builders.ts";
import { aFeedback, anEvaluation } from "../support/judge-builders.ts";
import { startReportLab } from "../support/report-lab.ts";
import type { Answered } from "../support/report-lab.ts";

const lab = await startReportLab();
afterAll(() => lab[Symbol.asyncDispose]());

/** A request of tenant acme that has just ended. */
function aRequest(different: Parameters<typeof anEntry>[1] = {}) {
  const entry = anEntry(Date.now(), different);
  lab.journal(entry);
  return entry;
}

const give = (body: unknown, headers?: Record<string, string>, key?: string): Promise<Answered> =>
  lab.post("/v1/feedback", body, { ...(headers && { headers }), ...(key && { key }) });

async function feedbackOf(
  id: string,
  key = "viewer of acme",
): Promise<readonly Answered["body"][]> {
  const { body } = await lab.get(`/v1/audit/${id}`, { key });
  return (body["amendments"] as readonly Answered["body"][]).filter(
    ({ kind }) => kind === "feedback",
  );
}

test.for([
  ["up", 1],
  ["down", 0],
  [true, 1],
  [false, 0],
  [0.25, 0.25],
] as const)(
  "a score of %s is %d, and becomes a part of the request's record",
  async ([score, said]) => {
    const request = aRequest();
    const answer = await give({
      request_id: request.id,
      score,
      comment: "why",
      label: "tone",
      user: "u1",
    });
    expect(answer).toMatchObject({
      status: 201,
      body: { object: "feedback", request_id: request.id, score: said, joined: true, judged: null },
    });
    expect(await feedbackOf(request.id)).toMatchObject([
      {
        id: answer.body["id"],
        object: "audit.amendment",
        tenant: "acme",
        data: {
          score: said,
          comment: "why",
          label: "tone",
          user: "u1",
          key: "key-of-acme",
          evaluator: null,
        },
      },
    ]);
  },
);

test("a comment alone, or a label, is feedback without a score", async () => {
  const { id } = aRequest();
  expect((await give({ request_id: id, comment: "c", score: null })).body).toMatchObject({
    score: null,
  });
  expect((await give({ request_id: id, label: "l" })).status).toBe(201);
  expect(await feedbackOf(id)).toHaveLength(2);
});

test("with an evaluator's name it is joined to what that evaluator said last", async () => {
  const request = aRequest();
  lab.journal(
    anEvaluation(request, { score: 0.25 }),
    {
      ...anEvaluation(request, { score: 0.75, round: 2 }),
      at: new Date(Date.now() + 60_000).toISOString(),
    },
    anEvaluation(request, { evaluator: "toxicity", score: 1 }),
  );
  const answer = await give({ request_id: request.id, score: "up", evaluator: "relevance" });
  expect(answer.body["judged"]).toEqual({
    version: "0123456789ab",
    judge_model: "judge-1",
    score: 0.75,
  });
  const other = await give({ request_id: request.id, score: "up", evaluator: "helpfulness" });
  expect(other).toMatchObject({ status: 201, body: { judged: null } });
});

test("a request of nobody, of another tenant, or none yet is not found, in the same words", async () => {
  const theirs = aRequest({ tenant: "zeta" });
  const answers = [
    await give({ request_id: theirs.id, score: 1 }),
    await give({ request_id: ulid(), score: 1 }),
    await give({ request_id: ulid(253_402_300_800_000), score: 1 }),
  ];
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  expect(answers[0]).toMatchObject({
    status: 404,
    body: { error: { code: "not_found", param: "request_id", type: "invalid_request_error" } },
  });
  expect(await feedbackOf(theirs.id, "viewer of zeta")).toEqual([]);
  expect((await give({ request_id: theirs.id, score: 1 }, {}, "admin of zeta")).status).toBe(201);
});

test("a client that sends one thing twice under one Idempotency-Key has said it once", async () => {
  const { id } = aRequest();
  const key = { "idempotency-key": "k-1" };
  const [first, second] = await Promise.all(
    [1, 1].map((score) => give({ request_id: id, score }, key)),
  );
  const third = await give({ request_id: id, score: 0 }, key);
  expect([first?.status, second?.status, third.status]).toEqual([201, 201, 201]);
  expect(second?.body["id"]).toBe(first?.body["id"]);
  expect(third.body).toMatchObject({ id: first?.body["id"], score: 1 });
  await give({ request_id: id, score: 1 }, { "idempotency-key": "k-2" });
  await give({ request_id: id, score: 1 });
  expect(await feedbackOf(id)).toHaveLength(3);
});

test("whoever did not like an answer is heard, once for each", async () => {
  const { id } = aRequest();
  const before = lab.complaints.length;
  const key = { "idempotency-key": "no" };
  for (const score of ["down", 0, 0.5, "up"]) await give({ request_id: id, score });
  for (const _ of [1, 2]) await give({ request_id: id, score: false }, key);
  await give({ request_id: id, comment: "?" });
  const complaints = lab.complaints.slice(before);
  expect(complaints).toHaveLength(3);
  for (const complaint of complaints) {
    expect(complaint).toMatchObject({
      requestId: id,
      caller: { tenantId: "acme" },
      record: { id },
    });
  }
});

test("while the books do not answer it is taken all the same, for requests of the last days", async () => {
  const request = aRequest();
  lab.isDown = true;
  const answer = await give({ request_id: request.id, score: 0, comment: "late" });
  const old = await give({ request_id: ulid(Date.now() - 30 * 86_400_000), score: 0 });
  const toCome = await give({ request_id: ulid(Date.now() + 86_400_000), score: 0 });
  lab.isDown = false;
  expect(answer).toMatchObject({ status: 201, body: { joined: false, judged: null, score: 0 } });
  expect(lab.complaints.at(-1)).toMatchObject({ requestId: request.id, record: undefined });
  expect([old.status, toCome.status]).toEqual([404, 404]);
  expect(await feedbackOf(request.id)).toMatchObject([
    { data: { request: null, comment: "late" } },
  ]);
});

test("a request takes a hundred of them, and then says so", async () => {
  const request = aRequest();
  const { id } = request;
  lab.journal(...Array.from({ length: 99 }, () => aFeedback(request)));
  expect((await give({ request_id: id, score: 1 })).status).toBe(201);
  const answer = await give({ request_id: id, score: 1 });
  expect(answer).toMatchObject({ status: 400, body: { error: { param: "request_id" } } });
  expect(answer.text).toContain("100 times");
  expect(await feedbackOf(id)).toHaveLength(100);
});

const id = ulid();
test.for([
  [{ score: 1 }, "request_id"],
  [{ request_id: "nonsense", score: 1 }, "request_id"],
  [{ request_id: id }, "score"],
  [{ request_id: id, user: "u" }, "score"],
  [{ request_id: id, score: 1.5 }, "score"],
  [{ request_id: id, score: "good" }, "score"],
  [{ request_id: id, comment: "" }, "comment"],
  [{ request_id: id, comment: "x".repeat(4_001) }, "comment"],
  [{ request_id: id, score: 1, user: "u".repeat(257) }, "user"],
  [{ request_id: id, score: 1, label: 3 }, "label"],
  [{ request_id: id, score: 1, evaluator: "No Such!" }, "evaluator"],
  [{ request_id: id, score: 1, evaluator: "unheard-of" }, "evaluator"],
  [{ request_id: id, score: 1, rating: 1 }, "rating"],
] as const)("%j is refused with the field that is wrong", async ([body, param]) => {
  const answer = await give(body);
  expect(answer).toMatchObject({
    status: 400,
    body: { error: { type: "invalid_request_error", param } },
  });
});

test("a score out of its range is told what a score may be", async () => {
  for (const score of [1.5, -0.1, "good"]) {
    expect((await give({ request_id: id, score })).body).toMatchObject({
      error: { message: 'score must be a number from 0 to 1, "up", "down", true or false.' },
    });
  }
});

test("a comment of 4,000 characters with line breaks fits, and a body of more than 64 KiB does not", async () => {
  const request = aRequest();
  const comment = "ü\n".repeat(2_000);
  expect((await give({ request_id: request.id, comment })).status).toBe(201);
  const large = await give({ request_id: request.id, comment: "x".repeat(70_000) });
  expect(large).toMatchObject({ status: 413, body: { error: { code: "body_too_large" } } });
  expect(large.text).toContain("65536");
  expect(await give("{")).toMatchObject({ status: 400, body: { error: { code: "invalid_json" } } });
  const typed = await give("score=1", { "content-type": "application/x-www-form-urlencoded" });
  expect(typed.status).toBe(415);
  const longKey = await give(
    { request_id: request.id, score: 1 },
    { "idempotency-key": "k".repeat(300) },
  );
  expect(longKey.status).toBe(400);
});

test("a viewer's key gives no feedback", async () => {
  const { id: request_id } = aRequest();
  expect((await give({ request_id, score: 1 }, {}, "viewer of acme")).status).toBe(403);
});

test("the export has what was said later, and another tenant's has it not", async () => {
  const request = aRequest();
  lab.journal(anEvaluation(request));
  await give({ request_id: request.id, score: 0, comment: "no" });
  const headers = { accept: "application/x-ndjson" };
  const { text } = await lab.get("/v1/audit", { headers });
  const line = text.split("\n").find((each) => each.includes(`{"id":"${request.id}"`)) ?? "{}";
  const { amendments } = JSON.parse(line) as { amendments: readonly Answered["body"][] };
  expect(amendments.map(({ kind }) => kind).toSorted()).toEqual(["evaluation", "feedback"]);
  const other = await lab.get("/v1/audit", { headers, key: "viewer of zeta" });
  expect(other.text).not.toContain(request.id);
});
