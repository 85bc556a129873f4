import { expect, test } from "vitest";

import { hashToken } from "../../../src/tenants/api-key.ts";
import { adminApp } from "../../support/admin-app.ts";

const aDay = 24 * 3_600;
const seconds = (app: { clock: { epochMs(): number } }) => Math.floor(app.clock.epochMs() / 1_000);

/** Whether a key is accepted right now. */
async function works(app: Awaited<ReturnType<typeof adminApp>>, key: unknown): Promise<boolean> {
  try {
    await app.identifier.identify(String(key));
    return true;
  } catch {
    // Whatever the reason: it is not accepted.
    return false;
  }
}

test("a new key is shown once, works at once, and is stored as its hash only", async () => {
  await using app = await adminApp();
  const admin = await app.as("admin", "acme");
  const made = await admin("POST /keys", { name: "CI", role: "inference" });
  expect(made.status).toBe(201);
  const { key, ...shown } = made.body;
  expect(shown).toEqual({
    id: made.body["id"],
    object: "api_key",
    tenant: "acme",
    name: "CI",
    role: "inference",
    policy: {},
    status: "active",
    masked: `sk-sentinel-${String(made.body["id"])}-…${String(key).slice(-4)}`,
    created_at: seconds(app),
    created_by: admin.keyId,
    expires_at: null,
    last_used_day: null,
    rotated_to: null,
  });
  expect(await works(app, key)).toBe(true);
  expect((await admin(`GET /keys/${String(shown["id"])}`)).body).toEqual(shown);
  expect((await admin("GET /keys")).text).not.toContain(key);
  expect(await app.store.findKey(hashToken(String(key)))).toBeDefined();
  expect(app.changes.at(-1)).toEqual({
    action: "key.created",
    by: admin.keyId,
    tenantId: "acme",
    subject: shown["id"],
  });
});

test("the platform admin makes keys for any tenant, and sees those of one or of all", async () => {
  await using app = await adminApp();
  for (const id of ["default", "acme"]) await app.platform("POST /tenants", { id, name: id });
  await app.platform("POST /keys", { name: "D", role: "admin" });
  await app.platform("POST /keys", { tenant: "acme", name: "A", role: "viewer" });

  const all = await app.platform("GET /keys");
  expect(all.body["data"]).toHaveLength(2);
  const ofAcme = await app.platform("GET /keys?tenant=acme");
  expect(ofAcme.body["data"]).toMatchObject([{ name: "A", tenant: "acme" }]);
  const absent = await app.platform("POST /keys", { tenant: "nobody", name: "N", role: "viewer" });
  expect(absent).toMatchObject({ status: 404 });
});

test("a tenant's admin neither sees nor touches another tenant's keys", async () => {
  await using app = await adminApp();
  const other = await app.as("admin", "other");
  const admin = await app.as("admin", "acme");
  const absent = await admin("GET /keys/0123456789abcdef");
  for (const what of ["GET", "DELETE", "PATCH"]) {
    const body = what === "PATCH" ? { role: "viewer" } : undefined;
    expect(await admin(`${what} /keys/${other.keyId}`, body)).toEqual(absent);
  }
  expect(await admin(`POST /keys/${other.keyId}/rotate`)).toEqual(absent);
  expect(absent.status).toBe(404);
  expect(await admin("GET /keys?tenant=other")).toMatchObject({ status: 404 });
  const made = await admin("POST /keys", { tenant: "other", name: "N", role: "admin" });
  expect(made).toMatchObject({ status: 404 });
  expect((await admin("GET /keys")).body["data"]).toMatchObject([{ id: admin.keyId }]);
  expect(await app.store.listKeys({ limit: 10, tenantId: "other" })).toHaveLength(1);
});

test.each([
  [1_800_000_000, 1_800_000_000],
  ["2027-01-15T08:00:00Z", 1_800_000_000],
  ["2027-01-15T10:00:00+02:00", 1_800_000_000],
  [null, null],
])("a key may expire: %j", async (asked, shown) => {
  await using app = await adminApp();
  const admin = await app.as("admin", "acme");
  const made = await admin("POST /keys", { name: "K", role: "inference", expires_at: asked });
  expect(made).toMatchObject({ status: 201, body: { expires_at: shown } });
});

test.each(["tomorrow", "2027-01-15", 1_800_000_000_000, -1, true, "2020-01-01T00:00:00Z", 0])(
  "a key cannot expire at %j",
  async (asked) => {
    await using app = await adminApp();
    const admin = await app.as("admin", "acme");
    const made = await admin("POST /keys", { name: "K", role: "inference", expires_at: asked });
    expect(made).toMatchObject({ status: 400, body: { error: { param: "expires_at" } } });
  },
);

test("a deleted key is refused at once, keeps its record as revoked, and never changes again", async () => {
  await using app = await adminApp();
  const admin = await app.as("admin", "acme");
  const { body } = await admin("POST /keys", { name: "K", role: "inference" });
  const path = `/keys/${String(body["id"])}`;
  expect(await works(app, body["key"])).toBe(true);

  const deleted = await admin(`DELETE ${path}`);
  expect(deleted).toMatchObject({ status: 200, body: { status: "revoked" } });
  expect(await works(app, body["key"])).toBe(false);
  expect((await admin(`GET ${path}`)).body).toEqual(deleted.body);
  expect((await admin(`DELETE ${path}`)).body).toEqual(deleted.body);
  expect(await admin(`PATCH ${path}`, { name: "N" })).toMatchObject({ status: 409 });
  expect(await admin(`POST ${path}/rotate`)).toMatchObject({ status: 409 });
  expect(app.changes.filter(({ action }) => action === "key.revoked")).toHaveLength(1);
});

test("a change to a key takes effect at once", async () => {
  await using app = await adminApp();
  const admin = await app.as("admin", "acme");
  const { body } = await admin("POST /keys", { name: "K", role: "inference" });
  const identified = async () => app.identifier.identify(String(body["key"]));
  await identified();
  const change = {
    name: "N",
    role: "viewer",
    policy: { models: ["a"] },
    expires_at: 1_800_000_000,
  };
  const changed = await admin(`PATCH /keys/${String(body["id"])}`, change);
  expect(changed).toMatchObject({ status: 200, body: change });
  expect(await identified()).toMatchObject({ role: "viewer", policies: [{}, { models: ["a"] }] });

  const unlimited = await admin(`PATCH /keys/${String(body["id"])}`, { expires_at: null });
  expect(unlimited.body).toMatchObject({ ...change, expires_at: null });
});

test("rotation makes a new key of the same kind and lets the old one work for a day", async () => {
  await using app = await adminApp();
  const admin = await app.as("admin", "acme");
  const policy = { models: ["a"] };
  const old = (await admin("POST /keys", { name: "K", role: "viewer", policy })).body;

  const rotated = await admin(`POST /keys/${String(old["id"])}/rotate`);
  expect(rotated.status).toBe(201);
  expect(rotated.body).toMatchObject({
    name: "K",
    role: "viewer",
    policy,
    expires_at: null,
    replaces: { id: old["id"], rotated_to: rotated.body["id"], expires_at: seconds(app) + aDay },
  });
  for (const key of [old["key"], rotated.body["key"]]) expect(await works(app, key)).toBe(true);

  app.clock.advance(aDay * 1_000);
  expect(await works(app, old["key"])).toBe(false);
  expect(await works(app, rotated.body["key"])).toBe(true);
});

test("rotation without grace ends the old key at once", async () => {
  await using app = await adminApp();
  const admin = await app.as("admin", "acme");
  const old = (await admin("POST /keys", { name: "K", role: "inference" })).body;
  expect(await works(app, old["key"])).toBe(true);
  await admin(`POST /keys/${String(old["id"])}/rotate`, { grace_seconds: 0 });
  expect(await works(app, old["key"])).toBe(false);
});

test("a key is rotated once, and does not outlive its grace by a change", async () => {
  await using app = await adminApp();
  const admin = await app.as("admin", "acme");
  const old = (await admin("POST /keys", { name: "K", role: "inference" })).body;
  const path = `/keys/${String(old["id"])}`;
  await admin(`POST ${path}/rotate`);
  expect(await admin(`POST ${path}/rotate`)).toMatchObject({ status: 409 });
  expect(await admin(`PATCH ${path}`, { expires_at: null })).toMatchObject({ status: 409 });
});

test("an expired key cannot be rotated back to life", async () => {
  await using app = await adminApp();
  const admin = await app.as("admin", "acme");
  const expires_at = seconds(app) + 60;
  const old = (await admin("POST /keys", { name: "K", role: "inference", expires_at })).body;
  app.clock.advance(60_000);
  const rotated = await admin(`POST /keys/${String(old["id"])}/rotate`);
  expect(rotated).toMatchObject({ status: 409 });
});

test.each([-1, 0.5, 31 * aDay, "1"])("a grace of %j seconds is refused", async (grace_seconds) => {
  await using app = await adminApp();
  const admin = await app.as("admin", "acme");
  const answer = await admin(`POST /keys/${admin.keyId}/rotate`, { grace_seconds });
  expect(answer).toMatchObject({ status: 400, body: { error: { param: "grace_seconds" } } });
});

test("an admin key with a policy of its own gives no more than it has, in any way", async () => {
  await using app = await adminApp();
  const free = await app.as("admin", "acme");
  const bound = await app.as("admin", "acme", { models: ["gpt-*"] });

  const inherited = await bound("POST /keys", { name: "K", role: "admin" });
  expect(inherited).toMatchObject({ status: 201, body: { policy: { models: ["gpt-*"] } } });
  const narrower = { name: "K", role: "inference", policy: { models: ["gpt-4o"] } };
  expect(await bound("POST /keys", narrower)).toMatchObject({ status: 201 });

  for (const policy of [{}, { models: ["*"] }, { models: ["gpt-4o", "claude"] }]) {
    const made = await bound("POST /keys", { name: "K", role: "inference", policy });
    expect(made).toMatchObject({ status: 403, body: { error: { param: "policy" } } });
    const widened = await bound(`PATCH /keys/${bound.keyId}`, { policy });
    expect(widened).toMatchObject({ status: 403, body: { error: { param: "policy" } } });
  }
  expect(await bound(`POST /keys/${free.keyId}/rotate`)).toMatchObject({ status: 403 });
  expect(await free(`POST /keys/${bound.keyId}/rotate`)).toMatchObject({ status: 201 });
});

test.each([
  [{ role: "inference" }, "name"],
  [{ name: "K" }, "role"],
  [{ name: "K", role: "owner" }, "role"],
  [{ name: "K", role: "admin", status: "active" }, "status"],
  [{ name: "K", role: "admin", tenant: 7 }, "tenant"],
])("the body %j is refused, naming %s", async (body, param) => {
  await using app = await adminApp();
  const admin = await app.as("admin", "acme");
  expect(await admin("POST /keys", body)).toMatchObject({
    status: 400,
    body: { error: { param } },
  });
});

test("a key pasted where its id belongs is not repeated", async () => {
  await using app = await adminApp();
  const admin = await app.as("admin", "acme");
  const { body } = await admin("POST /keys", { name: "K", role: "inference" });
  const answer = await admin(`GET /keys/${String(body["key"])}`);
  expect(answer.status).toBe(404);
  expect(answer.text).not.toContain(body["key"]);
});
