import { expect, test } from "vitest";

import { asPlatform, report } from "../support/books-agree.ts";
import type { ShownRecord } from "../support/books-agree.ts";
import { sharePricedUpstream } from "../support/priced-upstream.ts";
import { runCli } from "../support/run-cli.ts";
import { completion, whole } from "../support/scripted-upstream.ts";

const plane = await sharePricedUpstream();
const { gateway } = plane;

test("what a client says of an answer that it just got is in its record, in the report and in the CLI's table", async () => {
  plane.upstream.answer(whole(completion("Hello")));
  const tenant = await plane.newTenant();
  const answer = await tenant.chat();
  await answer.arrayBuffer();
  const requestId = answer.headers.get("x-request-id") ?? "";
  const given = { request_id: requestId, score: "up", comment: "well said" };
  const feedback = await tenant.post("/v1/feedback", given);
  expect(feedback.status).toBe(201);
  expect(feedback.headers.get("x-request-id")).toMatch(/^\w{26}$/);
  expect(await feedback.json()).toMatchObject({ object: "feedback", joined: true, score: 1 });

  const path = `/v1/audit/${requestId}?tenant=${tenant.id}`;
  const { amendments } = await report<ShownRecord>(gateway, path);
  expect(amendments).toMatchObject([
    {
      kind: "feedback",
      data: { comment: "well said", request: { model: "m", provider: "test", key: tenant.keyId } },
    },
  ]);
  const query = `/v1/usage?tenant=${tenant.id}&metrics=judge&group_by=model,served_model`;
  expect(await report(gateway, query)).toMatchObject({
    metrics: "judge",
    data: [{ model: "m", served_model: "m", evaluator: "", feedback: { count: 1, mean_score: 1 } }],
  });
  const args = ["usage", "--metrics", "judge", "--tenant", tenant.id];
  const env = { SENTINEL_URL: gateway.url, SENTINEL_ADMIN_TOKEN: gateway.adminToken };
  const { stdout, stderr } = await runCli(args, { cwd: gateway.dataDir, env });
  expect(stderr).toBe("");
  expect(stdout).toMatch(
    /^EVALUATOR +MODEL +SCORED +FEEDBACK +PEOPLE\n\(general\) +m +0 +1 +1.000\n/,
  );
});

test("another tenant finds nothing, the platform has no answers of its own, and nothing is read here", async () => {
  plane.upstream.answer(whole(completion("Hello")));
  const [mine, theirs] = [await plane.newTenant(), await plane.newTenant()];
  const answer = await mine.chat();
  await answer.arrayBuffer();
  const given = { request_id: answer.headers.get("x-request-id") ?? "", score: 0 };
  expect((await theirs.post("/v1/feedback", given)).status).toBe(404);
  const platform = await gateway.fetch("/v1/feedback", { method: "POST", ...asPlatform(gateway) });
  expect(platform.status).toBe(401);
  expect((await gateway.fetch("/v1/feedback")).status).toBe(405);
});
