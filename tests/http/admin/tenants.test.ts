import { expect, test } from "vitest";

import { adminApp } from "../../support/admin-app.ts";

test("the platform admin makes a tenant, changes it, and finds it again", async () => {
  await using app = await adminApp();
  const made = await app.platform("POST /tenants", {
    id: "acme",
    name: "Acme",
    policy: { models: ["gpt-*"] },
  });
  expect(made).toMatchObject({ status: 201 });
  expect(made.body).toEqual({
    id: "acme",
    object: "tenant",
    name: "Acme",
    status: "active",
    policy: { models: ["gpt-*"] },
    created_at: Math.floor(app.clock.epochMs() / 1_000),
  });
  const changed = await app.platform("PATCH /tenants/acme", { status: "suspended", policy: {} });
  expect(changed).toMatchObject({ status: 200, body: { status: "suspended", policy: {} } });
  expect((await app.platform("GET /tenants/acme")).body).toEqual(changed.body);
  expect(app.changes).toEqual([
    { action: "tenant.created", by: "platform", tenantId: "acme", subject: "acme" },
    { action: "tenant.updated", by: "platform", tenantId: "acme", subject: "acme" },
  ]);
});

test("a tenant without an id gets one", async () => {
  await using app = await adminApp();
  const { body } = await app.platform("POST /tenants", { name: "Acme" });
  expect(await app.platform(`GET /tenants/${String(body["id"])}`)).toMatchObject({ status: 200 });
});

test("an id that is taken is a conflict", async () => {
  await using app = await adminApp();
  await app.platform("POST /tenants", { id: "acme", name: "Acme" });
  const again = await app.platform("POST /tenants", { id: "acme", name: "Other" });
  expect(again).toMatchObject({ status: 409, body: { error: { code: "conflict", param: "id" } } });
});

test("a deleted tenant is gone, its keys with it, at once", async () => {
  await using app = await adminApp();
  await app.platform("POST /tenants", { id: "acme", name: "Acme" });
  const key = await app.platform("POST /keys", { tenant: "acme", name: "K", role: "inference" });
  await app.identifier.identify(String(key.body["key"]));

  const deleted = await app.platform("DELETE /tenants/acme");
  expect(deleted.body).toEqual({ id: "acme", object: "tenant.deleted", deleted: true });
  expect(await app.platform("DELETE /tenants/acme")).toMatchObject({ status: 404 });
  expect(await app.platform(`GET /keys/${String(key.body["id"])}`)).toMatchObject({ status: 404 });
  const identified = async () => app.identifier.identify(String(key.body["key"]));
  await expect(identified()).rejects.toMatchObject({ kind: "invalid_api_key" });
});

test("a suspended tenant's keys are refused at once", async () => {
  await using app = await adminApp();
  await app.platform("POST /tenants", { id: "acme", name: "Acme" });
  const key = await app.platform("POST /keys", { tenant: "acme", name: "K", role: "inference" });
  const identified = async () => app.identifier.identify(String(key.body["key"]));
  await identified();
  await app.platform("PATCH /tenants/acme", { status: "suspended" });
  await expect(identified()).rejects.toThrow("suspended");
  await app.platform("PATCH /tenants/acme", { status: "active" });
  expect(await identified()).toMatchObject({ tenantId: "acme" });
});

test("a list goes page by page, each tenant once", async () => {
  await using app = await adminApp();
  for (let index = 0; index < 5; index += 1) {
    await app.platform("POST /tenants", { id: `t${index}`, name: "T" });
  }
  const seen: unknown[] = [];
  let query = "";
  for (const hasMore of [true, true, false]) {
    const { body } = await app.platform(`GET /tenants?limit=2${query}`);
    seen.push(...(body["data"] as { id: string }[]).map(({ id }) => id));
    expect(body["has_more"]).toBe(hasMore);
    query = `&cursor=${body["next_cursor"] as string}`;
    if (!hasMore) expect(body["next_cursor"]).toBeNull();
  }
  expect(seen).toEqual(["t4", "t3", "t2", "t1", "t0"]);
});

test.each([
  ["limit=0", "limit"],
  ["limit=101", "limit"],
  ["limit=ten", "limit"],
  ["cursor=zzz", "cursor"],
  ["cursor=", "cursor"],
])("a list refuses ?%s by name", async (query, param) => {
  await using app = await adminApp();
  const answer = await app.platform(`GET /tenants?${query}`);
  expect(answer).toMatchObject({ status: 400, body: { error: { code: "invalid_value", param } } });
});

test("a tenant's admin sees its own tenant and may rename it, but not what the platform set", async () => {
  await using app = await adminApp();
  await app.platform("POST /tenants", { id: "other", name: "Other" });
  const admin = await app.as("admin", "acme");

  const list = await admin("GET /tenants");
  expect(list.body["data"]).toMatchObject([{ id: "acme" }]);
  expect(await admin("PATCH /tenants/acme", { name: "New" })).toMatchObject({
    status: 200,
    body: { name: "New" },
  });
  for (const change of [{ status: "active" }, { policy: {} }, { name: "N", policy: {} }]) {
    expect(await admin("PATCH /tenants/acme", change)).toMatchObject({
      status: 403,
      body: { error: { code: "permission_denied" } },
    });
  }
  expect(await admin("GET /tenants/acme")).toMatchObject({ body: { name: "New" } });
  expect(await admin("DELETE /tenants/acme")).toMatchObject({ status: 403 });
  expect(await admin("POST /tenants", { name: "Mine" })).toMatchObject({ status: 403 });
});

test("for a tenant's admin another tenant is as absent as one that does not exist", async () => {
  await using app = await adminApp();
  await app.platform("POST /tenants", { id: "other", name: "Other" });
  const admin = await app.as("admin", "acme");
  for (const what of ["GET", "PATCH", "DELETE"]) {
    const body = what === "PATCH" ? { status: "suspended" } : undefined;
    const other = await admin(`${what} /tenants/other`, body);
    const absent = await admin(`${what} /tenants/absent`, body);
    expect(other).toEqual(absent);
    expect(other.status).toBe(404);
  }
});

test.each(["viewer", "inference"] as const)(
  "a key with the role %s administers nothing",
  async (role) => {
    await using app = await adminApp();
    const ask = await app.as(role, "acme");
    for (const what of [
      "GET /tenants",
      "GET /tenants/acme",
      "GET /keys",
      "POST /keys",
      `POST /keys/${ask.keyId}/rotate`,
      `DELETE /keys/${ask.keyId}`,
      "GET /providers",
    ]) {
      const answer = await ask(what);
      expect(answer).toMatchObject({ status: 403, body: { error: { code: "permission_denied" } } });
    }
  },
);

test.each([
  [{}, "name", "invalid_value"],
  [{ name: "" }, "name", "invalid_value"],
  [{ name: 5 }, "name", "invalid_value"],
  [{ name: "A", id: "Not Good" }, "id", "invalid_value"],
  [{ name: "A", colour: "red" }, "colour", "unknown_parameter"],
  [{ name: "A", policy: { model: [] } }, "policy.model", "unknown_parameter"],
  [{ name: "A", policy: { models: ["a", ""] } }, "policy.models[1]", "invalid_value"],
  [{ name: "A", policy: null }, "policy", "invalid_value"],
  [
    { name: "A", policy: { budget_webhook_url: "https://[nowhere" } },
    "policy.budget_webhook_url",
    "invalid_value",
  ],
])("the body %j is refused, naming %s", async (body, param, code) => {
  await using app = await adminApp();
  const answer = await app.platform("POST /tenants", body);
  expect(answer).toMatchObject({ status: 400, body: { error: { code, param } } });
  expect((await app.platform("GET /tenants")).body["data"]).toEqual([]);
});

test.each([
  ["not JSON", "{", 400, "invalid_json"],
  ["not an object", "[]", 400, "invalid_type"],
  ["nested without end", "[".repeat(10_000), 400, "invalid_json"],
  ["too large", `{"name":"${"x".repeat(1024 * 1024)}"}`, 413, "body_too_large"],
  ["a trap for prototypes", '{"name":"A","__proto__":{"policy":{}}}', 400, "unknown_parameter"],
  ["empty", "", 400, "invalid_value"],
])("a body that is %s is refused", async (_what, body, status, code) => {
  await using app = await adminApp();
  expect(await app.platform("POST /tenants", body)).toMatchObject({
    status,
    body: { error: { code } },
  });
});

test("a change that changes nothing is a mistake", async () => {
  await using app = await adminApp();
  await app.platform("POST /tenants", { id: "acme", name: "Acme" });
  expect(await app.platform("PATCH /tenants/acme", {})).toMatchObject({ status: 400 });
});
