import { describe, expect, test } from "vitest";

import type { ProviderCall, ProviderReply } from "../../src/providers/provider.ts";
import { callOf, readReply, startAdapter } from "../fixtures/anthropic/call.ts";
import { event, eventsOf, message, text, thought, usage } from "../fixtures/anthropic/messages.ts";
import { until } from "../support/gateway.ts";
import { stream, whole } from "../support/scripted-upstream.ts";

/** Anthropic's own endpoints, at the adapter: what comes in goes on, and what comes back goes out. */

const counted = {
  inputTokens: 1_112,
  cachedInputTokens: 1_000,
  cacheWriteTokens: 100,
  outputTokens: 34,
  reasoningTokens: 5,
};
const answer = message([thought, text("Grüezi")]);

/** With spaces, an unknown field and a number that a double cannot hold: nothing may be written anew. */
const requestText =
  '{ "model":"claude-sonnet-4-5", "max_tokens": 5,"messages":[{"role":"user","content":"Hi"}],' +
  ' "new_field": 12345678901234567890 }';

function native(more: Partial<ProviderCall> = {}): ProviderCall {
  const call = callOf(JSON.parse(requestText) as Record<string, unknown>);
  const request = { ...call.request, text: requestText };
  return {
    ...call,
    endpoint: "messages",
    request,
    requestBytes: Buffer.from(requestText),
    ...more,
  };
}

describe("messages", () => {
  test("the request's bytes go on untouched, with the client's version and betas", async () => {
    await using adapter = await startAdapter(whole(answer));
    await adapter.provider.send(
      native({
        clientHeaders: {
          "anthropic-version": "2026-10-21",
          "anthropic-beta": "one,two",
          authorization: "Bearer sk-sentinel",
        },
      }),
    );
    const [seen] = adapter.upstream.seen;
    expect(seen?.path).toBe("/v1/messages");
    expect(seen?.body.toString()).toBe(requestText);
    expect(seen?.headers).toMatchObject({
      "x-api-key": "sk-ant-test-key-0001",
      "anthropic-version": "2026-10-21",
      "anthropic-beta": "one,two",
    });
    expect(seen?.headers).not.toHaveProperty("authorization");
  });

  test("a client that names no version gets the one that all know; the operator's own wins", async () => {
    await using adapter = await startAdapter(whole(answer));
    await adapter.provider.send(native());
    expect(adapter.upstream.seen[0]?.headers["anthropic-version"]).toBe("2023-06-01");
    await using fixed = await startAdapter(whole(answer), {
      headers: { "anthropic-version": "2024-01-01" },
    });
    await fixed.provider.send(native({ clientHeaders: { "anthropic-version": "2026-10-21" } }));
    expect(fixed.upstream.seen[0]?.headers["anthropic-version"]).toBe("2024-01-01");
  });

  test("an alias becomes the model that it stands for, and nothing else changes", async () => {
    await using adapter = await startAdapter(whole(answer));
    const call = callOf({ model: "fast", max_tokens: 5, messages: [], extra: [1] });
    await adapter.provider.send({ ...call, endpoint: "messages", model: "claude-haiku-4-5" });
    expect(adapter.upstream.seen[0]?.body.toString()).toBe(
      '{"model":"claude-haiku-4-5","max_tokens":5,"messages":[],"extra":[1]}',
    );
  });

  test("a whole answer is the bytes that came, and its tokens are counted", async () => {
    const bytes = `${JSON.stringify(answer)} \n`;
    await using adapter = await startAdapter(
      whole(bytes, { "anthropic-ratelimit-requests-remaining": "9" }),
    );
    const reply = await adapter.provider.send(native());
    expect(reply).toMatchObject({
      kind: "whole",
      usage: counted,
      droppedParams: [],
      headers: { "anthropic-ratelimit-requests-remaining": "9" },
    });
    expect(reply.kind === "whole" && reply.bytes.toString()).toBe(bytes);
  });

  test("a stream is the bytes that came, up to message_stop", async () => {
    const bytes = eventsOf(answer).join("");
    await using adapter = await startAdapter(
      stream([...(bytes.match(/[^]{1,50}/gu) ?? []), ": late\n\n"]),
    );
    const read = await readReply(await adapter.provider.send(native({ isStream: true })));
    expect(read.bytes.toString()).toBe(bytes);
    expect(read.usage).toEqual(counted);
  });

  test("a stream that is cut, or that fails, is no answer", async () => {
    const events = eventsOf(answer);
    await using adapter = await startAdapter(stream(events.slice(0, -1)));
    const cut = await adapter.provider.send(native({ isStream: true }));
    await expect(readReply(cut)).rejects.toMatchObject({ kind: "upstream_error" });
    const error = { type: "overloaded_error", message: "Overloaded" };
    adapter.upstream.answer(stream([...events.slice(0, 3), event({ type: "error", error })]));
    const failed = await adapter.provider.send(native({ isStream: true }));
    await expect(readReply(failed)).rejects.toMatchObject({
      kind: "upstream_error",
      recovery: "retry",
      body: { message: "Overloaded", type: "api_error", code: "overloaded_error" },
    });
  });

  test("a text that quotes an event is not one", async () => {
    const quoted = message([text('{"type":"message_stop"} and "type":"error"')]);
    await using adapter = await startAdapter(stream(eventsOf(quoted, 1_000)));
    const read = await readReply(await adapter.provider.send(native({ isStream: true })));
    expect(read.bytes.toString()).toBe(eventsOf(quoted, 1_000).join(""));
  });

  test("an answer in the other form is turned into the one that was asked for", async () => {
    await using adapter = await startAdapter(whole(answer));
    const streamed = await readReply(await adapter.provider.send(native({ isStream: true })));
    const types = streamed.data.map((data) => (JSON.parse(data) as { type: string }).type);
    expect([types[0], types.at(-1)]).toEqual(["message_start", "message_stop"]);
    expect(streamed.bytes.toString()).toContain("event: content_block_delta\ndata: ");
    expect(streamed.usage).toEqual(counted);
    adapter.upstream.answer(stream(eventsOf(answer)));
    const reply = await adapter.provider.send(native());
    expect(reply).toMatchObject({ kind: "whole", usage: counted });
    expect(reply.kind === "whole" && reply.value).toMatchObject({
      ...answer,
      usage: { ...usage },
    });
  });

  test.each([
    [400, "invalid_request_error", "invalid_request_error"],
    [404, "not_found_error", "invalid_request_error"],
    [429, "rate_limit_error", "rate_limit_error"],
    [500, "api_error", "api_error"],
    [529, "overloaded_error", "api_error"],
  ])("status %i keeps Anthropic's %s", async (status, type, openAiType) => {
    const body = { type: "error", error: { type, message: "Words" }, request_id: "req_1" };
    await using adapter = await startAdapter(whole(body, { "retry-after": "2" }, status));
    const failure: unknown = await adapter.provider
      .send(native())
      .catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({
      status: status < 500 ? status : 502,
      retryAfterMs: 2_000,
      body: { type: openAiType, code: type, message: expect.stringContaining("Words") as string },
    });
  });

  test.each([
    [502, "<html>Bad gateway</html>", "api_error"],
    [400, JSON.stringify({ type: "error", error: { message: "No type" } }), null],
  ])("status %i with a body of another kind still says something", async (status, body, code) => {
    await using adapter = await startAdapter(whole(body, {}, status));
    const failure: unknown = await adapter.provider
      .send(native())
      .catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ body: { code } });
  });

  test("the operator's key is cut out of what the vendor says", async () => {
    const error = {
      type: "authentication_error",
      message: "invalid x-api-key sk-ant-test-key-0001",
    };
    await using adapter = await startAdapter(whole({ type: "error", error }, {}, 401));
    const failure: unknown = await adapter.provider
      .send(native())
      .catch((thrown: unknown) => thrown);
    expect(JSON.stringify(failure)).not.toContain("0001");
  });

  test("an abort reaches the upstream in mid-stream", async () => {
    const left = new AbortController();
    await using adapter = await startAdapter((response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(eventsOf(answer).slice(0, 3).join(""));
    });
    const reply: ProviderReply = await adapter.provider.send(
      native({ isStream: true, signal: left.signal }),
    );
    if (reply.kind !== "stream") throw new Error("the answer is whole");
    await reply.events.next();
    left.abort(new Error("the client left"));
    await until("the upstream is left alone", () => adapter.upstream.openCount === 0);
    await expect(reply.events.next()).rejects.toThrow();
  });
});

test("tokens are counted by Anthropic, and count as none that were used", async () => {
  await using adapter = await startAdapter(whole({ input_tokens: 14 }));
  const reply = await adapter.provider.send(native({ endpoint: "count_tokens" }));
  expect(adapter.upstream.seen[0]?.path).toBe("/v1/messages/count_tokens");
  expect(adapter.upstream.seen[0]?.body.toString()).toBe(requestText);
  expect(reply).toMatchObject({ kind: "whole", usage: undefined, value: { input_tokens: 14 } });
});

test("endpoints that Anthropic does not have are refused without asking", async () => {
  await using adapter = await startAdapter(whole(answer));
  for (const endpoint of ["embeddings", "responses", "completions", "moderations"] as const) {
    await expect(adapter.provider.send(native({ endpoint }))).rejects.toMatchObject({
      kind: "unsupported_endpoint",
      body: { param: "model" },
    });
  }
  expect(adapter.upstream.seen).toEqual([]);
});
