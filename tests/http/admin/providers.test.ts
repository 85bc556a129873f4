import { expect, test } from "vitest";

import { normaliseProvider } from "../../../src/config/gateway-config.ts";
import { createSecretBox } from "../../../src/tenants/secret-box.ts";
import { loadStoredProviders } from "../../../src/tenants/stored-providers.ts";
import { adminApp } from "../../support/admin-app.ts";

const masterKey = "a master key for tests, 32 characters or more";
const secret = "sk-very-secret-0123456789abcd";
const openai = { name: "mine", type: "openai", api_keys: [secret] };

test("a provider's credentials go in and never come out", async () => {
  await using app = await adminApp({ masterKey });
  const headers = { "x-proxy-key": "header-secret" };
  const made = await app.platform("POST /providers", { ...openai, headers, models: ["gpt-4o"] });
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    object: "provider",
    name: "mine",
    type: "openai",
    base_url: "https://api.openai.com/v1",
    models: ["gpt-4o"],
    source: "admin",
    key_count: 1,
    keys: ["sk-…abcd"],
  });
  const answers = [
    made,
    await app.platform("GET /providers/mine"),
    await app.platform("GET /providers"),
  ];
  for (const { text } of answers) {
    expect(text).not.toContain("very-secret");
    expect(text).not.toContain("header-secret");
  }
  const stored = JSON.stringify(await app.providers.listProviders());
  expect(stored).not.toContain("very-secret");
  expect(stored).not.toContain("header-secret");
});

test("what was stored can be called, and says so before the answer is sent", async () => {
  await using app = await adminApp({ masterKey });
  await app.platform("POST /providers", { ...openai, headers: { "X-Team": "a" } });
  expect(app.reloads()).toBe(1);
  const loaded = await loadStoredProviders({ store: app.providers, secretBox: app.secretBox });
  expect(loaded.problems).toEqual([]);
  expect(loaded.providers).toMatchObject([
    { name: "mine", apiKeys: [secret], headers: { "x-team": "a" }, source: "admin" },
  ]);
  expect(app.changes).toEqual([{ action: "provider.created", by: "platform", subject: "mine" }]);
});

test("without a master key credentials are refused, and the variable is named", async () => {
  await using app = await adminApp();
  for (const fields of [{ api_keys: [secret] }, { headers: { "x-key": secret } }]) {
    const refused = await app.platform("POST /providers", {
      name: "mine",
      type: "openai",
      ...fields,
    });
    expect(refused).toMatchObject({ status: 409, body: { error: { code: "master_key_missing" } } });
    expect(refused.text).toContain("SENTINEL_MASTER_KEY");
  }
  const keyless = { name: "mine", type: "openai", api_keys: [] };
  expect(await app.platform("POST /providers", keyless)).toMatchObject({ status: 201 });
  expect(app.reloads()).toBe(1);
});

test("with another master key a provider is left out with the reason, and the others work", async () => {
  await using app = await adminApp({ masterKey });
  await app.platform("POST /providers", openai);
  await app.platform("POST /providers", { name: "open", type: "openai" });
  const secretBox = createSecretBox("another master key, also 32 characters or more");
  const loaded = await loadStoredProviders({ store: app.providers, secretBox });
  expect(loaded.providers).toMatchObject([{ name: "open" }]);
  expect(loaded.problems).toEqual([expect.stringContaining("another SENTINEL_MASTER_KEY")]);
  const without = await loadStoredProviders({ store: app.providers, secretBox: undefined });
  expect(without.problems).toEqual([expect.stringContaining("SENTINEL_MASTER_KEY")]);
});

test("a change keeps what it does not name, the credentials too", async () => {
  await using app = await adminApp({ masterKey });
  await app.platform("POST /providers", { ...openai, headers: { "x-a": "1" }, models: ["a"] });
  const changed = await app.platform("PATCH /providers/mine", {
    models: null,
    deadlines: { connect_ms: 500 },
  });
  expect(changed).toMatchObject({
    status: 200,
    body: { models: null, deadlines: { connect_ms: 500 }, keys: ["sk-…abcd"] },
  });
  const withoutHeaders = await app.platform("PATCH /providers/mine", { headers: null });
  expect(withoutHeaders.status).toBe(200);
  const { providers } = await loadStoredProviders({
    store: app.providers,
    secretBox: app.secretBox,
  });
  expect(providers).toMatchObject([{ apiKeys: [secret], headers: {} }]);
  expect(app.reloads()).toBe(3);
});

test("rotation replaces the keys and nothing else", async () => {
  await using app = await adminApp({ masterKey });
  await app.platform("POST /providers", { ...openai, headers: { "x-a": "1" } });
  const api_keys = ["sk-new-0123456789-aaaa", "sk-new-0123456789-bbbb"];
  const rotated = await app.platform("POST /providers/mine/rotate", { api_keys });
  expect(rotated).toMatchObject({
    status: 200,
    body: { key_count: 2, keys: ["sk-…aaaa", "sk-…bbbb"] },
  });
  const { providers } = await loadStoredProviders({
    store: app.providers,
    secretBox: app.secretBox,
  });
  expect(providers).toMatchObject([{ apiKeys: api_keys, headers: { "x-a": "1" } }]);
  for (const body of [{}, { api_keys: [] }, { api_keys: ["two words"] }, { models: ["a"] }]) {
    expect(await app.platform("POST /providers/mine/rotate", body)).toMatchObject({ status: 400 });
  }
});

test("stored credentials do not move to another host unless they are sent again", async () => {
  await using app = await adminApp({ masterKey });
  await app.platform("POST /providers", openai);
  const base_url = "https://elsewhere.example.com/v1";
  const moved = await app.platform("PATCH /providers/mine", { base_url });
  expect(moved).toMatchObject({ status: 400, body: { error: { param: "api_keys" } } });
  const path = { base_url: "https://api.openai.com/other/v1" };
  expect(await app.platform("PATCH /providers/mine", path)).toMatchObject({ status: 200 });
  for (const api_keys of [[secret], null]) {
    const answer = await app.platform("PATCH /providers/mine", { base_url, api_keys });
    expect(answer).toMatchObject({ status: 200, body: { base_url } });
  }
});

test("a deleted provider is gone", async () => {
  await using app = await adminApp({ masterKey });
  await app.platform("POST /providers", openai);
  const deleted = await app.platform("DELETE /providers/mine");
  expect(deleted.body).toEqual({ name: "mine", object: "provider.deleted", deleted: true });
  expect(await app.platform("GET /providers/mine")).toMatchObject({ status: 404 });
  expect(await app.platform("DELETE /providers/mine")).toMatchObject({ status: 404 });
  expect(app.reloads()).toBe(2);
});

test("providers of the file and the environment are shown masked, and can be changed only there", async () => {
  const fixedProviders = [
    normaliseProvider("ours", { type: "openai", api_keys: [secret] }, "file"),
    normaliseProvider("openai", { type: "openai" }, "environment"),
  ];
  await using app = await adminApp({ masterKey, fixedProviders });
  const list = await app.platform("GET /providers");
  expect(list.body).toMatchObject({
    data: [
      { name: "ours", source: "file", key_count: 1, keys: ["sk-…abcd"] },
      { name: "openai", source: "environment", key_count: 0 },
    ],
    has_more: false,
    next_cursor: null,
  });
  expect(list.text).not.toContain("very-secret");
  expect(await app.platform("GET /providers/ours")).toMatchObject({ status: 200 });
  for (const [what, place] of [
    ["PATCH /providers/ours", "configuration file"],
    ["DELETE /providers/openai", "environment"],
    ["POST /providers/ours/rotate", "configuration file"],
  ] as const) {
    const refused = await app.platform(what, { api_keys: [secret] });
    expect(refused).toMatchObject({ status: 409, body: { error: { code: "conflict" } } });
    expect(refused.text).toContain(place);
  }
  const again = await app.platform("POST /providers", { ...openai, name: "ours" });
  expect(again).toMatchObject({ status: 409 });
});

test("a base URL in a private network is refused unless that is allowed", async () => {
  await using strict = await adminApp();
  await using open = await adminApp({ allowPrivateUpstreams: true });
  for (const [index, base_url] of privateUrls.entries()) {
    const provider = { name: `p${index}`, type: "openai-compatible", base_url };
    const refused = await strict.platform("POST /providers", provider);
    expect(refused, base_url).toMatchObject({
      status: 400,
      body: { error: { param: "base_url" } },
    });
    expect(refused.text).toContain("SENTINEL_ALLOW_PRIVATE_UPSTREAMS");
    expect(await open.platform("POST /providers", provider)).toMatchObject({ status: 201 });
  }
});

const privateUrls = [
  "http://127.0.0.1:8001/v1",
  "http://localhost:8001/v1",
  "http://LOCALHOST./v1",
  "http://api.localhost/v1",
  "http://2130706433/v1",
  "http://0x7f.1/v1",
  "http://[::1]/v1",
  "http://[::ffff:127.0.0.1]/v1",
  "http://[64:ff9b::7f00:1]/v1",
  "http://10.1.2.3/v1",
  "http://172.31.0.1/v1",
  "http://192.168.1.1/v1",
  "http://100.100.100.200/v1",
  "http://169.254.169.254/v1",
  "http://metadata.google.internal/v1",
  "http://[fd00:ec2::254]/v1",
  "http://[fe80::1]/v1",
  "http://0.0.0.0/v1",
  "http://router/v1",
];

test("a public base URL is taken", async () => {
  await using app = await adminApp();
  for (const [index, base_url] of publicUrls.entries()) {
    const provider = { name: `p${index}`, type: "openai-compatible", base_url };
    expect(await app.platform("POST /providers", provider), base_url).toMatchObject({
      status: 201,
    });
  }
});

const publicUrls = [
  "https://api.example.com/v1",
  "https://8.8.8.8/v1",
  "https://172.32.0.1/v1",
  "http://[2606:4700::1111]/v1",
];

test("a provider cannot be moved into a private network by a change", async () => {
  await using app = await adminApp();
  await app.platform("POST /providers", { name: "mine", type: "openai" });
  const moved = await app.platform("PATCH /providers/mine", { base_url: "http://10.0.0.1/v1" });
  expect(moved).toMatchObject({ status: 400, body: { error: { param: "base_url" } } });
  // Its conventional address is this machine.
  expect(await app.platform("PATCH /providers/mine", { type: "ollama" })).toMatchObject({
    status: 400,
  });
});

test.each([
  [{}, "type"],
  [{ name: "mine", type: "telepathy" }, "type"],
  [{ type: "openai" }, "name"],
  [{ name: "a/b", type: "openai" }, "name"],
  [{ name: "mine", type: "vllm" }, "base_url"],
  [{ name: "mine", type: "openai", base_url: "ftp://x" }, "base_url"],
  [{ name: "mine", type: "openai", base_url: "https://user:pass@example.com" }, "base_url"],
  [{ name: "mine", type: "openai", api_key: secret }, "api_key"],
  [{ name: "mine", type: "openai", api_keys: ["two words"] }, "api_keys[0]"],
])("the body %j is refused, naming %s", async (body, param) => {
  await using app = await adminApp({ masterKey });
  const refused = await app.platform("POST /providers", body);
  expect(refused).toMatchObject({ status: 400, body: { error: { param } } });
  expect(refused.text).not.toContain("very-secret");
  expect(refused.text).not.toContain("pass@");
});

test("a provider keeps its name", async () => {
  await using app = await adminApp();
  await app.platform("POST /providers", { name: "mine", type: "openai" });
  const renamed = await app.platform("PATCH /providers/mine", { name: "yours" });
  expect(renamed).toMatchObject({ status: 400, body: { error: { param: "name" } } });
});

test("of two changes at the same time the second is told, and both are not mixed", async () => {
  await using app = await adminApp();
  await app.platform("POST /providers", { name: "mine", type: "openai" });
  const changes = ["a", "b"].map((model) =>
    app.platform("PATCH /providers/mine", { models: [model] }),
  );
  const statuses = (await Promise.all(changes)).map(({ status }) => status).sort();
  expect(statuses).toEqual([200, 409]);
});

test("a tenant's admin has nothing to do with providers", async () => {
  await using app = await adminApp({ masterKey });
  const admin = await app.as("admin", "acme");
  for (const what of [
    "GET /providers",
    "GET /providers/mine",
    "POST /providers",
    "DELETE /providers/mine",
  ]) {
    expect(await admin(what)).toMatchObject({ status: 403 });
  }
});
