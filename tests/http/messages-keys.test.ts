import { describe, expect, test } from "vitest";

import { anthropicError } from "../support/anthropic-envelope.ts";
import { startOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { openRaw } from "../support/raw-connection.ts";
import { completion, whole } from "../support/scripted-upstream.ts";

const question = { model: "m", max_tokens: 10, messages: [{ role: "user", content: "Hi" }] };
const json = { "content-type": "application/json" };

const start = (env: Readonly<Record<string, string>> = {}): Promise<OneUpstream> =>
  startOneUpstream({ script: whole(completion("Hello")), env });

describe("a key", () => {
  const asked = async (
    plane: OneUpstream,
    headers: Record<string, string>,
    path = "/v1/messages",
  ): Promise<Response> =>
    plane.gateway.fetch(path, {
      method: "POST",
      headers: { ...json, ...headers },
      body: JSON.stringify(question),
    });

  test("may come as x-api-key or as Authorization, and never goes upstream", async () => {
    await using plane = await start();
    const { key } = plane.gateway;
    for (const headers of [{ "x-api-key": key }, { authorization: `Bearer ${key}` }]) {
      expect((await asked(plane, headers)).status).toBe(200);
      expect((await asked(plane, headers, "/v1/messages/count_tokens")).status).toBe(200);
    }
    expect(plane.upstream.seen).toHaveLength(2);
    for (const { rawHeaders } of plane.upstream.seen) {
      expect(rawHeaders.join("\n")).not.toContain(key);
      expect(rawHeaders.join("\n").toLowerCase()).not.toContain("x-api-key");
    }
  });

  test("that is ours counts, beside one that is meant for Anthropic", async () => {
    const key = "sk-sentinel-preset-for-this-test";
    await using plane = await start({ SENTINEL_DEFAULT_KEY: key });
    const foreign = "sk-ant-oat01-0123456789";
    const both = [
      { "x-api-key": key, authorization: `Bearer ${foreign}` },
      { "x-api-key": foreign, authorization: `Bearer ${key}` },
    ];
    for (const headers of both) expect((await asked(plane, headers)).status).toBe(200);
  });

  test("as Authorization comes first where neither or both look like ours", async () => {
    await using plane = await start();
    const { key } = plane.gateway;
    const right = { authorization: `Bearer ${key}`, "x-api-key": "other" };
    expect((await asked(plane, right)).status).toBe(200);
    const wrong = { authorization: "Bearer other", "x-api-key": key };
    expect((await asked(plane, wrong)).status).toBe(401);
  });

  test("as x-api-key opens no other door", async () => {
    await using plane = await start();
    const headers = { "x-api-key": plane.gateway.key };
    expect((await asked(plane, headers, "/v1/chat/completions")).status).toBe(401);
  });

  test.each([
    ["missing", {}],
    ["wrong", { "x-api-key": "sk-sentinel-0000000000000000-wrong" }],
    ["not a bearer's", { authorization: "Basic abc" }],
    ["empty", { "x-api-key": "" }],
  ])("that is %s is an authentication_error", async (_, headers) => {
    await using plane = await start();
    const error = await anthropicError(await asked(plane, headers), 401);
    expect(error).toMatchObject({ type: "authentication_error", code: "invalid_api_key" });
  });

  test("that is wrong is told before the body is read", async () => {
    await using plane = await start();
    using raw = openRaw(plane.gateway.url);
    raw.send(
      "POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: wrong\r\n" +
        "content-type: application/json\r\ncontent-length: 1000\r\n\r\n",
    );
    const { status, text } = await raw.answer();
    expect(status).toBe(401);
    expect(JSON.parse(text)).toMatchObject({ type: "error" });
  });
});
