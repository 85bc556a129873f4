import { describe, expect, test } from "vitest";

import { anthropicError } from "../support/anthropic-envelope.ts";
import { shareOneUpstream, startOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { openRaw } from "../support/raw-connection.ts";
import { completion, whole } from "../support/scripted-upstream.ts";

const question = { model: "m", max_tokens: 10, messages: [{ role: "user", content: "Hi" }] };

const startShared = shareOneUpstream();
const script = whole(completion("Hello"));
const start = (env?: Readonly<Record<string, string>>): Promise<OneUpstream> =>
  env === undefined ? startShared({ script }) : startOneUpstream({ script, env });

describe("the envelope is Anthropic's", () => {
  test.each<[string, string, string | object, number, object]>([
    [
      "bad JSON",
      "/v1/messages",
      "{oops",
      400,
      { type: "invalid_request_error", code: "invalid_json" },
    ],
    ["no body", "/v1/messages", "", 400, { code: "invalid_json" }],
    [
      "no messages",
      "/v1/messages",
      { model: "m", max_tokens: 1 },
      400,
      { param: "messages", code: "missing_required_parameter" },
    ],
    [
      "no max_tokens",
      "/v1/messages",
      { ...question, max_tokens: undefined },
      400,
      { param: "max_tokens" },
    ],
    [
      "no content",
      "/v1/messages",
      { ...question, messages: [{ role: "user" }] },
      400,
      { param: "messages[0].content" },
    ],
    [
      "a block without a type",
      "/v1/messages",
      { ...question, messages: [{ role: "user", content: [{}] }] },
      400,
      { param: "messages[0].content[0].type" },
    ],
    [
      "a wrong type",
      "/v1/messages",
      { ...question, temperature: "hot" },
      400,
      { param: "temperature", code: "invalid_type" },
    ],
    [
      "no messages to count",
      "/v1/messages/count_tokens",
      { model: "m" },
      400,
      { param: "messages" },
    ],
    [
      "a model that does not exist",
      "/v1/messages",
      { ...question, model: "absent" },
      404,
      { type: "not_found_error", code: "model_not_found", param: "model" },
    ],
    [
      "a path that does not exist",
      "/v1/messages/batches",
      question,
      404,
      { type: "not_found_error", code: "not_found" },
    ],
    [
      "a base URL with /v1",
      "/v1/v1/messages",
      question,
      404,
      {
        type: "not_found_error",
        message: expect.stringContaining("Did you mean /v1/messages?") as string,
      },
    ],
    [
      "a base URL without it",
      "/messages",
      question,
      404,
      { message: expect.stringContaining("Did you mean /v1/messages?") as string },
    ],
    [
      "a server tool",
      "/v1/messages",
      { ...question, tools: [{ type: "web_search_20250305", name: "web_search" }] },
      400,
      { type: "invalid_request_error", param: "tools[0].type" },
    ],
  ])("for %s", async (_, path, body, status, expected) => {
    await using plane = await start();
    const error = await anthropicError(await plane.gateway.post(path, body), status);
    expect(error).toMatchObject(expected);
    expect(plane.upstream.seen).toEqual([]);
  });

  test("for a method, a content type, an encoding and a size that are not taken", async () => {
    await using plane = await start({ SENTINEL_MAX_BODY_BYTES: "1024" });
    const { gateway } = plane;
    const wrongMethod = await gateway.fetch("/v1/messages");
    expect(await anthropicError(wrongMethod, 405)).toMatchObject({ code: "method_not_allowed" });
    const plain = await gateway.post("/v1/messages", "x", { "content-type": "text/plain" });
    expect(await anthropicError(plain, 415)).toMatchObject({ type: "invalid_request_error" });
    const encoded = await gateway.post("/v1/messages", question, { "content-encoding": "lzma" });
    await anthropicError(encoded, 415);
    const large = await gateway.post("/v1/messages", { ...question, system: "x".repeat(2_000) });
    expect(await anthropicError(large, 413)).toMatchObject({ type: "request_too_large" });
  });

  test("for a body that does not come, and headers that are too large", async () => {
    await using plane = await start({
      SENTINEL_BODY_TIMEOUT_MS: "200",
      SENTINEL_HEADER_TIMEOUT_MS: "200",
    });
    using slow = openRaw(plane.gateway.url);
    slow.send(
      `POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: ${plane.gateway.key}\r\n` +
        "content-type: application/json\r\ncontent-length: 1000\r\n\r\n{",
    );
    const late = await slow.answer();
    expect(late.status).toBe(408);
    expect(JSON.parse(late.text)).toMatchObject({
      type: "error",
      error: { code: "request_timeout" },
    });
    expect(late.headers.get("request-id")).toMatch(/^[0-9A-Z]{26}$/);

    using large = openRaw(plane.gateway.url);
    large.send(
      `POST /v1/messages?beta=true HTTP/1.1\r\nhost: x\r\nx-a: ${"a".repeat(40_000)}\r\n\r\n`,
    );
    const refused = await large.answer();
    expect(refused.status).toBe(431);
    expect(JSON.parse(refused.text)).toMatchObject({
      type: "error",
      error: { type: "invalid_request_error", code: "headers_too_large" },
    });
  });

  test("for a Host header that is none, and an expectation that is not met", async () => {
    await using plane = await start();
    for (const line of ["host: a b", "host: x\r\nexpect: 200-maybe"]) {
      using raw = openRaw(plane.gateway.url);
      raw.send(`POST /v1/messages HTTP/1.1\r\n${line}\r\ncontent-length: 0\r\n\r\n`);
      expect(JSON.parse((await raw.answer()).text)).toMatchObject({ type: "error" });
    }
  });

  test("and OpenAI's everywhere else", async () => {
    await using plane = await start();
    const answer = await plane.gateway.post("/v1/chat/completions", "{oops");
    expect(Object.keys((await answer.json()) as object)).toEqual(["error"]);
    expect(answer.headers.get("request-id")).toBeNull();
  });

  test.each([
    [400, "invalid_request_error"],
    [401, "authentication_error"],
    [402, "billing_error"],
    [403, "permission_error"],
    [404, "not_found_error"],
    [409, "conflict_error"],
    [413, "request_too_large"],
    [422, "invalid_request_error"],
    [429, "rate_limit_error"],
  ])("for an upstream's %i, which is a %s", async (status, type) => {
    await using plane = await startShared({
      models: { m: { retries: 0, targets: [{ provider: "test", model: "m" }] } },
    });
    const said = { message: "No.", type: "whatever", param: "stop", code: "their_code" };
    plane.upstream.answer(whole({ error: said }, { "retry-after": "7" }, status));
    const answer = await plane.gateway.post("/v1/messages", question);
    expect(answer.headers.get("retry-after")).toBe("7");
    expect(await anthropicError(answer, status)).toMatchObject({
      type,
      message: "No.",
      code: "their_code",
      param: "stop",
    });
  });

  test("for an upstream that fails", async () => {
    await using plane = await startShared({
      models: { m: { retries: 0, targets: [{ provider: "test", model: "m" }] } },
    });
    plane.upstream.answer(whole("<html>", {}, 500));
    const answer = await plane.gateway.post("/v1/messages", question);
    expect(await anthropicError(answer, 502)).toMatchObject({
      type: "api_error",
      code: "upstream_error",
    });
  });

  test("for a thread, which nobody keeps, as its clients look for it", async () => {
    await using plane = await start();
    const ask = (thread: object): Promise<Response> =>
      plane.gateway.post("/v1/messages", { ...question, thread });
    const begun = await ask({ type: "create" });
    expect(begun.status).toBe(200);
    expect(begun.headers.get("x-sentinel-dropped-params")).toBe("thread");
    const lost = await ask({ type: "continue", previous_message_id: "msg_1" });
    expect(await anthropicError(lost, 404)).toMatchObject({
      type: "not_found_error",
      code: "thread_not_found",
      details: { error_code: "thread_not_found" },
    });
    expect(plane.upstream.seen).toHaveLength(1);
  });
});
