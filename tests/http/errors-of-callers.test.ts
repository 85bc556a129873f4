import { afterAll, beforeAll, expect, test } from "vitest";

import { admin, makeKey } from "../support/admin-client.ts";
import type { MadeKey } from "../support/admin-client.ts";
import { expectError } from "../support/envelope.ts";
import { chatBody, startOneUpstream, yamlOf } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { completion, whole } from "../support/scripted-upstream.ts";

/** Who may not, and what is not there. */
let plane: OneUpstream;
beforeAll(async () => {
  plane = await startOneUpstream({
    script: whole(completion("ok")),
    provider: { models: ["m", "secret-model"] },
    models: { fast: { targets: [{ provider: "test", model: "m" }] } },
  });
});
afterAll(() => plane[Symbol.asyncDispose]());

const chatPath = "/v1/chat/completions";

const aKey = (fields: object = {}): Promise<MadeKey> => makeKey(plane.gateway, fields);

const chatAs = (authorization: string, fields: object = {}): Promise<Response> =>
  plane.gateway.post(chatPath, chatBody(fields), { authorization });

const refused = { status: 401, code: "invalid_api_key" } as const;
const notAllowed = { status: 403, type: "permission_error", code: "model_not_allowed" } as const;

test("no key is 401, and the message shows how to send one", async () => {
  const answer = await plane.gateway.fetch(chatPath, { method: "POST", headers: {}, body: "{}" });
  await expectError(answer, { ...refused, message: /Authorization: Bearer YOUR_KEY/ });
});

test.each(["Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "sk-without-a-scheme", "Bearer:sk-x"])(
  "the authorization '%s' is 401 like none at all",
  async (authorization) => {
    const message = /Authorization: Bearer YOUR_KEY/;
    await expectError(await chatAs(authorization), { ...refused, message });
  },
);

test.each([
  ["that nobody has", "sk-sentinel-0000000000-unknown", /not known here/],
  ["with a space in it", "sk-one sk-two", /not an API key/],
  ["that is much too long", "k".repeat(4_000), /not an API key/],
])("a key %s is 401, with a reason and without the key", async (_what, token, message) => {
  const error = await expectError(await chatAs(`Bearer ${token}`), { ...refused, message });
  expect(error.message).not.toContain(token);
});

test("a key is 401 from the moment when it was revoked, and told so", async () => {
  const { id, key } = await aKey();
  expect((await chatAs(`Bearer ${key}`)).status).toBe(200);
  await admin(plane.gateway, `DELETE /keys/${id}`);
  await expectError(await chatAs(`Bearer ${key}`), { ...refused, message: /revoked/ });
});

test("a key is 401 once it has expired, and told so", async () => {
  const expiresAtMs = Date.now() + 1_100;
  const { key } = await aKey({ expires_at: new Date(expiresAtMs).toISOString() });
  expect((await chatAs(`Bearer ${key}`)).status).toBe(200);
  await expect
    .poll(async () => (await chatAs(`Bearer ${key}`)).status, { timeout: 3_000 })
    .toBe(401);
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAtMs);
  await expectError(await chatAs(`Bearer ${key}`), { ...refused, message: /expired/ });
});

test("the platform's admin token calls no models", async () => {
  await expectError(await chatAs(`Bearer ${plane.gateway.adminToken}`), refused);
});

test("a viewer's key is 403 on the data plane, and learns which role it needs", async () => {
  const { key } = await aKey({ role: "viewer" });
  const expected = { ...notAllowed, message: /role 'inference'/ };
  await expectError(await chatAs(`Bearer ${key}`), expected);
  const headers = { authorization: `Bearer ${key}` };
  await expectError(await plane.gateway.fetch("/v1/models", { headers }), expected);
});

test("a key whose policy lacks the model is 403 for it, and not for the others", async () => {
  const { key } = await aKey({ policy: { models: ["m", "gpt-*"] } });
  expect((await chatAs(`Bearer ${key}`)).status).toBe(200);
  for (const model of ["secret-model", "test/m", "fast", "M", "gpt"]) {
    const answer = await chatAs(`Bearer ${key}`, { model });
    const error = await expectError(answer, { ...notAllowed, param: "model" });
    expect(error.message).toContain(`'${model}'`);
  }
});

test("a tenant's policy holds for every key of it, whatever the key's own says", async () => {
  await admin(plane.gateway, "POST /tenants", {
    id: "narrow",
    name: "Narrow",
    policy: { models: ["m"] },
  });
  const { key } = await aKey({ tenant: "narrow", policy: { models: ["m", "secret-model"] } });
  expect((await chatAs(`Bearer ${key}`)).status).toBe(200);
  const answer = await chatAs(`Bearer ${key}`, { model: "secret-model" });
  await expectError(answer, { ...notAllowed, param: "model" });
});

test("what a key may not use is not in its list of models, and 404 by its name", async () => {
  const { key } = await aKey({ policy: { models: ["m"] } });
  const headers = { authorization: `Bearer ${key}` };
  const list = await plane.gateway.fetch("/v1/models", { headers });
  const { data } = (await list.json()) as { data: { id: string }[] };
  expect(data.map((model) => model.id)).toEqual(["m"]);
  const one = await plane.gateway.fetch("/v1/models/secret-model", { headers });
  await expectError(one, { status: 404, code: "model_not_found", param: "model" });
});

test("a model that nobody has is 404, with where to look", async () => {
  const answer = await plane.chat({ model: "no-such-model" });
  const expected = { status: 404, code: "model_not_found", param: "model" } as const;
  const error = await expectError(answer, { ...expected, message: /GET \/v1\/models/ });
  expect(error.message).toContain("'no-such-model'");
  await expectError(await plane.gateway.fetch("/v1/models/none"), expected);
});

test("an endpoint that the model's provider does not have is 400", async () => {
  const mistral = { type: "mistral", base_url: plane.upstream.baseUrl, api_keys: ["k"] };
  await plane.gateway.reload(yamlOf({ providers: { test: { ...mistral, models: ["m"] } } }));
  const answer = await plane.gateway.post("/v1/responses", { model: "m", input: "Hi" });
  const message = /does not have \/v1\/responses/;
  await expectError(answer, { status: 400, code: "unsupported_endpoint", param: "model", message });
});
