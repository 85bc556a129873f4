import { expect, test } from "vitest";

import { startGateway } from "../support/gateway.ts";
import { chatBody, impatient, shareOneUpstream, yamlOf } from "../support/one-upstream.ts";
import { completion, startScriptedUpstream, whole } from "../support/scripted-upstream.ts";
import type { Script, ScriptedUpstream } from "../support/scripted-upstream.ts";

const startOneUpstream = shareOneUpstream();

const good = whole(completion("ok"));

/** Takes these keys and refuses the others, quoting them as vendors do. */
const takes =
  (...keys: readonly string[]): Script =>
  (response, request, socket) => {
    const key = request.headers.authorization?.slice("Bearer ".length) ?? "";
    const refusal = { message: `Incorrect API key provided: ${key}`, code: "invalid_api_key" };
    const script = keys.includes(key) ? good : whole({ error: refusal }, {}, 401);
    return script(response, request, socket);
  };

const keysSeen = (upstream: ScriptedUpstream): string[] =>
  upstream.seen.map(({ headers }) => headers.authorization?.slice("Bearer ".length) ?? "");

test("several keys of a provider are used in turn", async () => {
  const api_keys = ["sk-one", "sk-two", "sk-three"];
  await using plane = await startOneUpstream({
    script: takes(...api_keys),
    provider: { api_keys },
  });
  for (let round = 0; round < 6; round++) expect((await plane.chat()).status).toBe(200);
  expect(keysSeen(plane.upstream)).toEqual([...api_keys, ...api_keys]);
});

test("a key that is refused is replaced at once, and left out from then on", async () => {
  const api_keys = ["sk-revoked", "sk-valid"];
  await using plane = await startOneUpstream({ script: takes("sk-valid"), provider: { api_keys } });
  for (let round = 0; round < 4; round++) expect((await plane.chat()).status).toBe(200);
  expect(keysSeen(plane.upstream)).toEqual([
    "sk-revoked",
    "sk-valid",
    "sk-valid",
    "sk-valid",
    "sk-valid",
  ]);
});

test.each([[["sk-one-only"]], [["sk-first-bad", "sk-second-bad"]]])(
  "if all keys are refused the client is told, and sees none of them (%j)",
  async (api_keys) => {
    await using plane = await startOneUpstream({ script: takes(), provider: { api_keys } });
    const response = await plane.chat();
    expect(response.status).toBe(401);
    const text = await response.text();
    expect(text).toContain("Incorrect API key provided");
    for (const key of api_keys) expect(text).not.toContain(key);
    expect(keysSeen(plane.upstream)).toEqual(api_keys);
    // They are still tried later: the operator may have paid in between.
    plane.upstream.answer(good);
    expect((await plane.chat()).status).toBe(200);
  },
);

test("a provider without a key is sent none, and never the client's", async () => {
  await using plane = await startOneUpstream({
    script: good,
    type: "vllm",
    provider: { api_keys: [] },
  });
  await plane.chat({}, { "x-api-key": "client", cookie: "a=b" });
  const { headers } = plane.upstream.seen[0] ?? { headers: {} };
  for (const name of ["authorization", "x-api-key", "api-key", "cookie"]) {
    expect(headers).not.toHaveProperty(name);
  }
});

/** A gateway in front of an Azure resource; `suffix` is what stands after its address. */
async function startAzure(fields: { api_version?: string }, suffix = "") {
  await using opening = new AsyncDisposableStack();
  const upstream = opening.use(await startScriptedUpstream(good));
  const { origin } = new URL(upstream.baseUrl);
  const azure = {
    type: "azure-openai",
    base_url: `${origin}${suffix}`,
    api_keys: ["azure-key"],
    models: ["gpt-4o", "my deployment/1"],
    ...fields,
  };
  const gateway = opening.use(
    await startGateway({ env: impatient, yaml: yamlOf({ providers: { azure } }) }),
  );
  const resources = opening.move();
  return { upstream, gateway, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

test.each(["", "/", "/openai", "/openai/v1", "/openai/v1/"])(
  "Azure with an api-version has the deployment in its paths (base URL ending in '%s')",
  async (suffix) => {
    await using plane = await startAzure({ api_version: "2024-10-21" }, suffix);
    const { gateway } = plane;
    await gateway.post("/v1/chat/completions", chatBody({ model: "gpt-4o" }));
    await gateway.post("/v1/embeddings", { model: "my deployment/1", input: "a" });
    await gateway.post("/v1/responses", { model: "gpt-4o", input: "a" });
    expect(plane.upstream.seen.map(({ path }) => path)).toEqual([
      "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
      "/openai/deployments/my%20deployment%2F1/embeddings?api-version=2024-10-21",
      "/openai/responses?api-version=2024-10-21",
    ]);
  },
);

test.each(["", "/openai/v1"])(
  "Azure without an api-version is used by its versionless paths (base URL ending in '%s')",
  async (suffix) => {
    await using plane = await startAzure({}, suffix);
    await plane.gateway.post("/v1/chat/completions", chatBody({ model: "gpt-4o" }));
    await plane.gateway.post("/v1/responses", { model: "gpt-4o", input: "a" });
    expect(plane.upstream.seen.map(({ path }) => path)).toEqual([
      "/openai/v1/chat/completions",
      "/openai/v1/responses",
    ]);
    expect(plane.upstream.seen[0]?.json?.["model"]).toBe("gpt-4o");
  },
);

test("Azure gets its key as `api-key`, and nothing as `authorization`", async () => {
  await using plane = await startAzure({ api_version: "2024-10-21" });
  await plane.gateway.post("/v1/chat/completions", chatBody({ model: "gpt-4o" }));
  const [seen] = plane.upstream.seen;
  expect(seen?.headers["api-key"]).toBe("azure-key");
  expect(seen?.headers).not.toHaveProperty("authorization");
});

const clientHeaders = {
  "x-team": "search",
  "x-other": "no",
  "idempotency-key": "id-1",
  "openai-beta": "assistants=v2",
  "openai-organization": "org-of-the-client",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  tracestate: "a=b",
  "x-sentinel-tags": "team=a",
  "x-request-id": "client-1",
  "user-agent": "OpenAI/Python 2.0",
  cookie: "a=b",
  "x-forwarded-for": "10.0.0.1",
} as const;

test.each([
  ["openai", ["x-team", "idempotency-key", "openai-beta"]],
  ["openai-compatible", ["x-team", "idempotency-key", "traceparent", "tracestate"]],
  ["vllm", ["x-team", "idempotency-key", "traceparent", "tracestate"]],
])(
  "%s gets the client's headers that it has a use for, and those that the operator names",
  async (type, passed) => {
    const provider = { forward_headers: ["X-Team"] };
    await using plane = await startOneUpstream({ script: good, type, provider });
    await plane.chat({}, clientHeaders);
    const headers = plane.upstream.seen[0]?.headers ?? {};
    const equal = Object.entries(clientHeaders).filter(([name, value]) => headers[name] === value);
    expect(equal.map(([name]) => name).sort()).toEqual([...passed].sort());
    expect(headers["user-agent"]).toBe("sentinel");
    expect(headers.authorization).toBe("Bearer sk-upstream");
  },
);

test("headers that the operator sets go before the client's and before Sentinel's own", async () => {
  const provider = {
    forward_headers: ["x-team"],
    headers: { "X-Team": "operator", "User-Agent": "acme/1", "OpenAI-Organization": "org-1" },
  };
  await using plane = await startOneUpstream({ script: good, provider });
  await plane.chat({}, clientHeaders);
  const { headers, rawHeaders } = plane.upstream.seen[0] ?? { headers: {}, rawHeaders: [] };
  expect(headers).toMatchObject({
    "x-team": "operator",
    "user-agent": "acme/1",
    "openai-organization": "org-1",
  });
  const names = rawHeaders
    .filter((_name, index) => index % 2 === 0)
    .map((name) => name.toLowerCase());
  expect(new Set(names).size).toBe(names.length);
});

test("a base URL keeps the path that the operator wrote", async () => {
  await using upstream = await startScriptedUpstream(good);
  const { origin } = new URL(upstream.baseUrl);
  const test = { type: "openai-compatible", base_url: `${origin}/proxy/api/`, models: ["m"] };
  await using gateway = await startGateway({
    env: impatient,
    yaml: yamlOf({ providers: { test } }),
  });
  await gateway.post("/v1/chat/completions", chatBody());
  expect(upstream.seen[0]?.path).toBe("/proxy/api/chat/completions");
});
