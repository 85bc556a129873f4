import { afterAll, beforeAll, expect, test } from "vitest";

import { shareOneUpstream, yamlOf } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { goodHeaders, head, openRaw } from "../support/raw-connection.ts";
import {
  chatChunk,
  completion,
  done,
  startScriptedUpstream,
  stream,
  whole,
} from "../support/scripted-upstream.ts";
import type { ScriptedUpstream } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

/** Neither side's secrets reach the other. */
const upstreamKey = 'up-9f"8e\\7d6c5b4a';
const ok = whole(completion("ok"));

let plane: OneUpstream;
let other: ScriptedUpstream;
beforeAll(async () => {
  const patient = { consecutive_failures: 10_000, minimum_requests: 10_000 };
  plane = await startOneUpstream({
    script: ok,
    provider: { api_keys: [upstreamKey], breaker: patient },
    models: { m: { retries: 0, targets: [{ provider: "test", model: "m" }] } },
  });
  other = await startScriptedUpstream(ok);
});
afterAll(async () => {
  await plane[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

const clientHeaders = {
  cookie: "session=client-cookie",
  "x-api-key": "client-api-key",
  "api-key": "client-azure-key",
  "proxy-authorization": "Basic client-proxy",
  forwarded: "for=203.0.113.7",
  "x-forwarded-for": "203.0.113.7",
  "x-forwarded-host": "inner.example.com",
  "x-real-ip": "203.0.113.7",
  "x-sentinel-tags": "team=red",
  "x-sentinel-cache": "on",
  "x-request-id": "client-request",
  "user-agent": "client-agent",
  "openai-organization": "org-of-the-client",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  origin: "https://page.example.com",
  referer: "https://page.example.com/secret",
};

test("the gateway's key and everything else of the client's own stays here", async () => {
  for (const path of ["/v1/chat/completions", "/v1/embeddings", "/v1/responses"]) {
    const answer = await plane.gateway.post(
      path,
      { model: "m", input: "Hi", messages: [{ role: "user", content: "Hi" }] },
      { ...clientHeaders, "idempotency-key": "once", "openai-beta": "assistants=v2" },
    );
    expect(answer.status).toBe(200);
    const seen = plane.upstream.seen.at(-1);
    expect(seen?.headers).toEqual({
      host: new URL(plane.upstream.baseUrl).host,
      connection: "keep-alive",
      authorization: `Bearer ${upstreamKey}`,
      "content-type": "application/json",
      "content-length": String(seen?.body.length),
      accept: "application/json",
      "accept-encoding": "identity",
      "user-agent": expect.any(String) as string,
      "idempotency-key": "once",
      "openai-beta": "assistants=v2",
    });
    expect(seen?.headers["user-agent"]).not.toContain("client-agent");
    expect(seen?.rawHeaders.join("\n")).not.toContain(plane.gateway.key);
  }
});

test("headers about the client's connection stay here", async () => {
  using client = openRaw(plane.gateway.url);
  const body = '{"model":"m","messages":[{"role":"user","content":"Hi"}]}';
  client.send(
    head(plane.gateway.key, {
      headers: [
        "host: a",
        ...goodHeaders(plane.gateway.key),
        `content-length: ${body.length}`,
        "connection: keep-alive",
        "keep-alive: timeout=5",
        "te: trailers",
        "trailer: x-checksum",
        "proxy-connection: keep-alive",
      ],
    }) + body,
  );
  expect((await client.answer()).status).toBe(200);
  const names = Object.keys(plane.upstream.seen.at(-1)?.headers ?? {});
  for (const name of ["keep-alive", "te", "trailer", "proxy-connection"]) {
    expect(names).not.toContain(name);
  }
});

test("the key is not in the body, the path or the query of what goes up", async () => {
  await plane.gateway.post(`/v1/chat/completions?key=${plane.gateway.key}`, {
    model: "m",
    messages: [{ role: "user", content: "Hi" }],
  });
  const seen = plane.upstream.seen.at(-1);
  expect(seen?.path).toBe("/v1/chat/completions");
  expect(seen?.body.toString()).not.toContain(plane.gateway.key);
});

test("the provider's cookies do not come back, on answers, streams and errors", async () => {
  const cookie = { "set-cookie": "__cf_bm=theirs; HttpOnly" };
  for (const script of [
    whole(completion("ok"), cookie),
    whole({ error: { message: "No." } }, cookie, 400),
    whole("<html>", cookie, 503),
    stream([chatChunk({}, "stop"), done], cookie),
  ]) {
    plane.upstream.answer(script);
    const answer = await plane.chat({ stream: true });
    expect(answer.headers.getSetCookie()).toEqual([]);
    await answer.text().catch(() => undefined);
  }
});

const masked = "sk-abcd**********wxyz";
const echoes: readonly [string, object][] = [
  ["the message", { message: `Incorrect API key provided: ${upstreamKey}. Try again.` }],
  ["the message, masked", { message: `Incorrect API key provided: ${masked}.` }],
  ["the type", { message: "No.", type: `bad ${upstreamKey}` }],
  ["the param", { message: "No.", param: upstreamKey }],
  ["the code", { message: "No.", code: `key_${upstreamKey}` }],
  ["a field of its own", { message: "No.", key: upstreamKey }],
  ["a nested field", { message: "No.", metadata: { raw: [{ sent: `Bearer ${upstreamKey}` }] } }],
  ["a nested field, masked", { message: "No.", metadata: { raw: [{ sent: masked }] } }],
  ["the name of a field", { message: "No.", headers: { [upstreamKey]: true } }],
];

/** Whatever a client gets and the log has, as one text in which JSON's escapes are undone. */
async function everything(answer: Response): Promise<string> {
  const body = await answer.text().catch(() => "");
  const parts = [...[...answer.headers].flat(), body, JSON.stringify(plane.gateway.lines)];
  return parts
    .join("\n")
    .replaceAll(/\\(["\\])/g, "$1")
    .replaceAll(/\\(["\\])/g, "$1");
}

function expectNoKey(text: string): void {
  expect(text).not.toContain(upstreamKey);
  expect(text).not.toContain(upstreamKey.slice(0, 8));
  expect(text).not.toMatch(/abcd\**|\**wxyz/);
}

test.each(echoes)(
  "a key that the provider quotes in %s of an error is not shown",
  async (_in, error) => {
    for (const status of [400, 401, 403, 429, 500, 503]) {
      plane.upstream.answer(
        whole({ error }, { "www-authenticate": upstreamKey, "retry-after": "99" }, status),
      );
      const answer = await plane.chat();
      expect(answer.status).toBe(status < 500 ? status : 502);
      expectNoKey(await everything(answer));
    }
  },
);

test.each(echoes)("nor one in %s of an error with a good status", async (_in, error) => {
  plane.upstream.answer(whole({ error }));
  expectNoKey(await everything(await plane.chat()));
});

test.each(echoes)("nor one in %s of an error in the middle of a stream", async (_in, error) => {
  plane.upstream.answer(
    stream([chatChunk({ content: "a" }), `data: ${JSON.stringify({ error })}\n\n`]),
  );
  const answer = await plane.chat({ stream: true });
  const reading = readStream(answer);
  expect(await reading.toEnd()).toBe("cut");
  expect(reading.text).toContain('"error"');
  expectNoKey(reading.text.replaceAll(/\\(["\\])/g, "$1"));
});

test("nor one in an error of any other shape", async () => {
  for (const body of [
    { detail: `Bad key ${upstreamKey}` },
    { detail: [{ loc: ["header", upstreamKey], msg: upstreamKey }] },
    { message: `Bad key ${upstreamKey}` },
    { error: `Bad key ${upstreamKey}` },
    { errors: { message: "No.", more: upstreamKey } },
    `<html>${upstreamKey}</html>`,
  ]) {
    plane.upstream.answer(whole(body, {}, 401));
    expectNoKey(await everything(await plane.chat()));
  }
});

test("the rest of an error in which a key was quoted stays as it was", async () => {
  const error = {
    message: "No.",
    type: "t",
    param: "p",
    code: "c",
    more: { of: ["theirs", 1, null] },
  };
  plane.upstream.answer(whole({ error: { ...error, key: upstreamKey } }, {}, 400));
  expect(await (await plane.chat()).json()).toEqual({ error: { ...error, key: "[redacted]" } });
});

test("a header that the operator adds is as secret as a key", async () => {
  const secret = "operator-header-secret-1";
  await using own = await startOneUpstream({ provider: { headers: { "x-proxy-token": secret } } });
  for (const status of [400, 500]) {
    own.upstream.answer(whole({ error: { message: `Got ${secret}.` } }, {}, status));
    const said = await (await own.chat()).text();
    expect(said).not.toContain(secret);
    expect(said).toContain("[redacted]");
  }
});

test("a placeholder for a key is a word like any other", async () => {
  await using local = await startOneUpstream({ provider: { api_keys: ["EMPTY"] } });
  local.upstream.answer(whole({ error: { message: "The prompt is EMPTY." } }, {}, 400));
  expect(await (await local.chat()).text()).toContain("The prompt is EMPTY.");
});

test("a long text that the provider quotes holds up nobody", async () => {
  const quoted = "a".repeat(500_000);
  plane.upstream.answer(whole({ error: { message: `Invalid value: '${quoted}'` } }, {}, 400));
  const startedMs = performance.now();
  expect((await (await plane.chat()).text()).includes(quoted)).toBe(true);
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});

test("an error that nests without end is cut short, and is an error still", async () => {
  const depth = 100_000;
  const body = `{"error":{"message":"No.","more":${"[".repeat(depth)}${"]".repeat(depth)}}}`;
  plane.upstream.answer(whole(body, {}, 400));
  const answer = await plane.chat();
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ error: { message: "No." } });
});

test.each([301, 302, 307, 308])(
  "a redirect (%i) is not followed, with or without the key",
  async (status) => {
    const before = other.seen.length;
    plane.upstream.answer(whole("", { location: `${other.baseUrl}/chat/completions` }, status));
    const answer = await plane.chat();
    expect(answer.status).toBe(502);
    expect(answer.headers.get("location")).toBeNull();
    expect(await answer.text()).not.toContain(other.baseUrl);
    expect(other.seen.length).toBe(before);
  },
);

test("each provider gets its own key, also when one takes over from the other", async () => {
  await using both = await startOneUpstream();
  const provider = (baseUrl: string, key: string): object => ({
    type: "openai",
    base_url: baseUrl,
    api_keys: [key],
  });
  await both.gateway.reload(
    yamlOf({
      providers: {
        first: provider(both.upstream.baseUrl, "sk-first-key"),
        second: provider(other.baseUrl, "sk-second-key"),
      },
      models: {
        m: {
          retries: 0,
          targets: [
            { provider: "first", model: "a" },
            { provider: "second", model: "b" },
          ],
        },
      },
    }),
  );
  both.upstream.answer(whole({ error: { message: "Down." } }, {}, 500));
  expect((await both.chat()).status).toBe(200);
  expect(both.upstream.seen.at(-1)?.headers.authorization).toBe("Bearer sk-first-key");
  expect(other.seen.at(-1)?.headers.authorization).toBe("Bearer sk-second-key");
});

test("no key of either side is ever in the log", async () => {
  plane.upstream.answer(ok);
  await plane.chat();
  await plane.gateway.fetch(`/v1/models?key=${plane.gateway.key}`);
  await plane.gateway.fetch("/v1/models", { headers: { authorization: "Bearer sk-mistyped-key" } });
  const log = JSON.stringify(plane.gateway.lines);
  expect(log).not.toContain(plane.gateway.key);
  expect(log).not.toContain(plane.gateway.adminToken);
  expect(log).not.toContain("sk-mistyped-key");
  expectNoKey(log);
});
