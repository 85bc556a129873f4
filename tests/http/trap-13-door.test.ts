import { afterAll, beforeAll, expect, test } from "vitest";

import { inflightCount, makeKey } from "../support/admin-client.ts";
import { expectError } from "../support/envelope.ts";
import { until } from "../support/gateway.ts";
import { chatBody, startOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { chatPath, goodHeaders, head, openRaw } from "../support/raw-connection.ts";
import { completion, stream, whole } from "../support/scripted-upstream.ts";

let plane: OneUpstream;
beforeAll(async () => {
  plane = await startOneUpstream({ script: whole(completion("ok")) });
});
afterAll(() => plane[Symbol.asyncDispose]());

const page = "https://app.example.com";

test.each(["Bearer", "bearer", "BEARER", "bEaReR"])(
  "the scheme may be written %s",
  async (scheme) => {
    const authorization = `${scheme} ${plane.gateway.key}`;
    expect((await plane.chat({}, { authorization })).status).toBe(200);
  },
);

test.each(["Bearer    KEY", "Bearer KEY   ", "   Bearer KEY", "Bearer \t KEY"])(
  "spaces around the key do no harm: '%s'",
  async (written) => {
    using client = openRaw(plane.gateway.url);
    const authorization = `authorization: ${written.replace("KEY", plane.gateway.key)}`;
    client.send(
      head("", { method: "GET", path: "/v1/models", headers: ["host: a", authorization] }),
    );
    expect((await client.answer()).status).toBe(200);
  },
);

test.each([
  chatPath,
  "/v1/models",
  "/v1/models/m",
  "/v1/embeddings",
  "/admin/v1/keys",
  "/admin/v1/keys/one",
  "/health",
  "/no/such/path",
])("a preflight for %s needs no key, and allows what the page asks for", async (path) => {
  const asked = "authorization,content-type,x-stainless-retry-count,x-sentinel-tags";
  const answer = await plane.gateway.fetch(path, {
    method: "OPTIONS",
    headers: {
      origin: page,
      "access-control-request-method": "POST",
      "access-control-request-headers": asked,
    },
  });
  expect(answer.status).toBe(204);
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  expect(answer.headers.get("access-control-allow-headers")).toBe(asked);
  expect(answer.headers.get("access-control-allow-methods")).toContain("POST");
});

test("a page may read every answer: whole, streamed, refused, listed, unknown", async () => {
  const asPage = { origin: page };
  const streamed = stream(['data: {"choices":[{"index":0,"finish_reason":"stop"}]}\n\n']);
  const answers = [
    await plane.chat({}, asPage),
    await plane.chat({ n: 0 }, asPage),
    await plane.chat({}, { ...asPage, authorization: "Bearer wrong" }),
    await plane.gateway.fetch("/v1/models", {
      headers: { ...asPage, authorization: `Bearer ${plane.gateway.key}` },
    }),
    await plane.gateway.fetch("/health", { headers: asPage }),
    await plane.gateway.fetch("/none", { headers: asPage }),
  ];
  plane.upstream.answer(streamed);
  answers.push(await plane.chat({ stream: true }, asPage));
  plane.upstream.answer(whole(completion("ok")));
  for (const answer of answers) {
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.get("access-control-expose-headers")).toBe("*");
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    await answer.text();
  }
});

test("who is no page gets no CORS headers", async () => {
  const answer = await plane.chat();
  expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual(
    [],
  );
});

test("where the origins are listed only their pages are allowed", async () => {
  await using listed = await startOneUpstream({
    script: whole(completion("ok")),
    env: { SENTINEL_CORS_ORIGINS: `${page},https://other.example.com` },
  });
  const allowed = await listed.chat({}, { origin: page });
  expect(allowed.headers.get("access-control-allow-origin")).toBe(page);
  expect(allowed.headers.get("vary")).toBe("Origin");
  const stranger = { origin: "https://evil.example.com" };
  const answers = [
    await listed.chat({}, stranger),
    await listed.gateway.fetch(chatPath, { method: "OPTIONS", headers: stranger }),
  ];
  for (const answer of answers) {
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
  }
});

test.each(["/v1/chat/completions", "/v1/embeddings", "/v1/responses", "/admin/v1/keys"])(
  "a wrong key is answered by %s when only the headers have come",
  async (path) => {
    using client = openRaw(plane.gateway.url);
    const headers = ["host: a", ...goodHeaders("sk-wrong"), "content-length: 1000000"];
    client.send(head("", { path, headers }));
    await expectError(await client.answer(), { status: 401, code: "invalid_api_key" });
  },
);

test("a body that nobody wanted does not hold its connection open", async () => {
  using client = openRaw(plane.gateway.url);
  client.send(
    head("", { headers: ["host: a", ...goodHeaders("sk-wrong"), "content-length: 1000000"] }),
  );
  await client.answer();
  await client.untilOver();
});

test("a connection serves on after a wrong key whose body has come whole", async () => {
  using client = openRaw(plane.gateway.url);
  const body = JSON.stringify(chatBody());
  const length = `content-length: ${body.length}`;
  const request = (key: string): string =>
    head(key, { headers: ["host: a", ...goodHeaders(key), length] }) + body;
  client.send(request("sk-wrong"));
  expect((await client.answer()).status).toBe(401);
  client.send(request(plane.gateway.key));
  expect((await client.answer()).status).toBe(200);
});

test("a client that asks before it sends its body is told to go on", async () => {
  using client = openRaw(plane.gateway.url);
  const body = JSON.stringify(chatBody());
  const { key } = plane.gateway;
  const more = [`content-length: ${body.length}`, "expect: 100-continue"];
  client.send(head(key, { headers: ["host: a", ...goodHeaders(key), ...more] }));
  expect((await client.answer()).status).toBe(100);
  client.send(body);
  expect((await client.answer()).status).toBe(200);
});

test("a client with a wrong key that asks before it sends its body is not told to go on", async () => {
  using client = openRaw(plane.gateway.url);
  const more = ["content-length: 1000000", "expect: 100-continue"];
  client.send(head("", { headers: ["host: a", ...goodHeaders("sk-wrong"), ...more] }));
  expect((await client.answer()).status).toBe(401);
});

test("a client who leaves while its key is looked up leaves nothing behind", async () => {
  const keys = await Promise.all(Array.from({ length: 20 }, () => makeKey(plane.gateway)));
  for (const { key } of keys) {
    const client = openRaw(plane.gateway.url);
    client.send(head(key, { headers: ["host: a", ...goodHeaders(key), "content-length: 10"] }));
    client.socket.once("connect", () => client.socket.destroySoon());
  }
  await until("all of them have come and gone", () => {
    const left = plane.gateway.lines.filter((line) => line["status"] === 499);
    return left.length >= keys.length;
  });
  expect(await inflightCount(plane.gateway)).toBe(0);
});
