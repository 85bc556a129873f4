import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { openAuditKeys } from "../../src/stores/disk/audit-keys.ts";
import { verifyAuditFiles } from "../../src/stores/sqlite/books/verify.ts";
import { admin, makeKey } from "../support/admin-client.ts";
import { recordsOf } from "../support/books-agree.ts";
import type { TestGateway } from "../support/gateway.ts";
import { sharePricedUpstream, startPricedUpstream } from "../support/priced-upstream.ts";
import { chatChunk, completion, done, stream, whole } from "../support/scripted-upstream.ts";

const plane = await sharePricedUpstream({ env: { SENTINEL_PAYLOAD_MAX_BYTES: "1024" } });
const { gateway } = plane;

interface Payload {
  readonly request_id: string;
  readonly prompt: string;
  readonly answer: string;
  readonly cut: boolean;
}

const keeping = { policy: { payload_retention_days: 7 } };
const prompt = "the-words-of-the-prompt";
const reply = "the-words-of-the-answer";
const asking = { messages: [{ role: "user", content: prompt }] };

async function adminKeyOf(tenant: string): Promise<string> {
  return (await makeKey(gateway, { tenant, role: "admin" })).key;
}

const payloadOf = (id: string, key: string, method = "GET"): Promise<Response> =>
  gateway.fetch(`/v1/audit/${id}/payload`, { method, headers: { authorization: `Bearer ${key}` } });

async function verified({ dataDir }: TestGateway) {
  const { chainKey } = await openAuditKeys(dataDir, undefined);
  return verifyAuditFiles({ dataDir, chainKey });
}

test("a tenant that wants its prompts and answers kept has them, whole, streamed and of failures", async () => {
  const tenant = await plane.newTenant(keeping);
  const key = await adminKeyOf(tenant.id);
  plane.upstream.answer(whole(completion(reply)));
  await (await tenant.chat(asking)).text();
  plane.upstream.answer(
    stream([
      chatChunk({ content: "the-words-" }),
      chatChunk({ content: "of-the-answer" }, "stop"),
      done,
    ]),
  );
  await (await tenant.chat({ ...asking, stream: true })).text();
  plane.upstream.answer(whole({ error: { message: "no" } }, {}, 400));
  await (await tenant.chat(asking)).text();
  const records = await recordsOf(gateway, tenant.id);
  const payloads = await Promise.all(
    records.map(async ({ id }) => (await (await payloadOf(id, key)).json()) as Payload),
  );
  expect(payloads.map(({ request_id: id }) => id)).toEqual(records.map(({ id }) => id));
  for (const payload of payloads) {
    expect(JSON.parse(payload.prompt)).toMatchObject(asking);
    expect(payload.cut).toBe(false);
  }
  expect(payloads.map(({ answer }) => answer.includes(reply))).toEqual([false, true, true]);
  expect(records.at(-1)?.payload).toMatchObject({
    prompt_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    cut: false,
  });
  expect(JSON.stringify(records)).not.toContain(prompt);
});

test("what is longer than the operator allows is cut, and says so", async () => {
  const tenant = await plane.newTenant(keeping);
  const key = await adminKeyOf(tenant.id);
  plane.upstream.answer(whole(completion("ü".repeat(2_000))));
  const answer = await tenant.chat({ messages: [{ role: "user", content: "x".repeat(2_000) }] });
  await answer.text();
  const [record] = await recordsOf(gateway, tenant.id);
  const payload = (await (await payloadOf(record?.id ?? "", key)).json()) as Payload;
  expect(payload.cut).toBe(true);
  expect(Buffer.byteLength(payload.prompt)).toBe(1_024);
  expect(Buffer.byteLength(payload.answer)).toBeLessThanOrEqual(1_024);
  expect(payload.answer).not.toContain("\uFFFD");
  expect(record?.payload).toMatchObject({ cut: true, prompt_bytes: 1_024 });
});

test("what is erased is gone for everyone, and the chain still verifies", async () => {
  const tenant = await plane.newTenant(keeping);
  const key = await adminKeyOf(tenant.id);
  plane.upstream.answer(whole(completion(reply)));
  for (let count = 0; count < 3; count++) await (await tenant.chat(asking)).text();
  const [newest, middle] = await recordsOf(gateway, tenant.id);
  const id = middle?.id ?? "";
  const erased = await payloadOf(id, key, "DELETE");
  expect(await erased.json()).toMatchObject({ request_id: id, deleted: true });
  expect((await payloadOf(id, key)).status).toBe(404);
  expect((await payloadOf(id, key, "DELETE")).status).toBe(404);
  expect((await payloadOf(newest?.id ?? "", key)).status).toBe(200);
  const after = await recordsOf(gateway, tenant.id);
  expect(after.find((record) => record.id === id)).toEqual(middle);
  const found = await verified(gateway);
  expect(found.problems).toEqual([]);
  expect(found.records).toBeGreaterThanOrEqual(3);
});

test("a tenant that has not asked for it has nothing kept, and one that changes its mind from then on", async () => {
  const tenant = await plane.newTenant();
  const key = await adminKeyOf(tenant.id);
  plane.upstream.answer(whole(completion(reply)));
  await (await tenant.chat(asking)).text();
  await admin(gateway, `PATCH /tenants/${tenant.id}`, keeping);
  await (await tenant.chat(asking)).text();
  const [later, sooner] = await recordsOf(gateway, tenant.id);
  expect((await payloadOf(later?.id ?? "", key)).status).toBe(200);
  const none = await payloadOf(sooner?.id ?? "", key);
  expect(none.status).toBe(404);
  expect(await none.text()).toContain("No prompt and answer are kept");
  expect(sooner?.payload).toBeNull();
});

test("neither prompts nor answers, keys nor providers' words are anywhere in the data directory", async () => {
  await using secretive = await startPricedUpstream({
    provider: { api_keys: ["sk-upstream-secret-value"] },
  });
  const tenant = await secretive.newTenant();
  const said = "the-provider-says-so";
  secretive.upstream.answer(whole(completion(reply)));
  await (await tenant.chat({ ...asking, user: "the-name-of-a-user" })).text();
  secretive.upstream.answer(
    stream([chatChunk({ content: "the-words-" }), chatChunk({ content: "of-the-answer" })]),
  );
  await (await tenant.chat({ ...asking, stream: true })).text().catch(() => undefined);
  secretive.upstream.answer(whole({ error: { message: said } }, {}, 400));
  await (await tenant.chat(asking)).text();
  await tenant.booksAgree(3);
  const secrets = [
    prompt,
    reply,
    "the-words-",
    "of-the-answer",
    "the-name-of-a-user",
    said,
    "sk-upstream-secret-value",
    tenant.key,
  ];
  const { dataDir } = secretive.gateway;
  const names = await readdir(dataDir, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile());
  expect(files.map(({ name }) => name).some((name) => name.startsWith("audit-"))).toBe(true);
  for (const { parentPath, name } of files) {
    const bytes = await readFile(join(parentPath, name));
    const found = secrets.filter((secret) => bytes.includes(secret));
    expect({ name, found }).toEqual({ name, found: [] });
  }
  expect(JSON.stringify(secretive.gateway.lines)).not.toContain(prompt);
  expect((await verified(secretive.gateway)).problems).toEqual([]);
});
