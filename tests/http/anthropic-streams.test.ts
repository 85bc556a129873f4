import { expect, test } from "vitest";

import { until } from "../support/gateway.ts";
import {
  event,
  eventsOf,
  message,
  text,
  thought,
  toolUse,
} from "../fixtures/anthropic/messages.ts";
import type { Json } from "../fixtures/anthropic/messages.ts";
import { shareOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { stream, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { chunksOf, contentOf, readStream } from "../support/stream-client.ts";
import type { ChatChunk } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

const sse = { "content-type": "text/event-stream" } as const;
const start = (script: Script): Promise<OneUpstream> =>
  startOneUpstream({ type: "anthropic", script });

const answer = message([
  thought,
  text("18 °C in Zürich, 24 °C in 東京. ☀️"),
  toolUse("toolu_1", "get_weather", { city: "東京" }),
  toolUse("toolu_2", "now", {}),
]);

test.each(["message_delta", undefined])(
  "a stream whose last event comes without the reason for it is cut, and none is made up",
  async (left) => {
    const events = eventsOf(message([text("Hal")]));
    const chunks = events.filter((chunk) => !chunk.includes("message_delta"));
    const reasonless = event({ type: "message_delta", delta: { stop_reason: null }, usage: {} });
    if (left !== undefined) chunks.splice(-1, 0, reasonless);
    await using plane = await start(stream(chunks));
    const client = readStream(await plane.chat({ stream: true }));
    expect(await client.toEnd()).toBe("cut");
    expect(client.text).not.toContain("[DONE]");
    expect(client.text).not.toContain('"finish_reason":"');
  },
);

interface Piece {
  readonly index: number;
  readonly id?: string;
  readonly type?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

const pieces = (chunks: readonly ChatChunk[]): readonly Piece[] =>
  chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []);

test("a stream is OpenAI's: text, thoughts apart, calls by index, one [DONE]", async () => {
  await using plane = await start(stream(eventsOf(answer)));
  const client = readStream(await plane.chat({ stream: true, reasoning_effort: "low" }));
  expect(await client.toEnd()).toBe("whole");
  expect(client.data.filter((data) => data === "[DONE]")).toHaveLength(1);
  expect(client.data.at(-1)).toBe("[DONE]");
  const chunks = chunksOf(client.data);
  expect(contentOf(chunks)).toBe("18 °C in Zürich, 24 °C in 東京. ☀️");
  const thoughts = chunks.map((chunk) => chunk.choices[0]?.delta.reasoning_content ?? "").join("");
  expect(thoughts).toBe(thought["thinking"]);
  const blocks = chunks.flatMap((chunk) => {
    const delta = (chunk.choices[0]?.delta ?? {}) as Json;
    return (delta["thinking_blocks"] ?? []) as Json[];
  });
  expect(blocks).toEqual([thought]);
  expect(pieces(chunks).filter((piece) => piece.id !== undefined)).toEqual([
    { index: 0, id: "toolu_1", type: "function", function: { name: "get_weather", arguments: "" } },
    { index: 1, id: "toolu_2", type: "function", function: { name: "now", arguments: "" } },
  ]);
  const json = (index: number): string =>
    pieces(chunks)
      .filter((piece) => piece.index === index)
      .map((piece) => piece.function?.arguments ?? "")
      .join("");
  expect([json(0), json(1)]).toEqual(['{"city":"東京"}', "{}"]);
  const finishes = chunks.flatMap((chunk) => chunk.choices[0]?.finish_reason ?? []);
  expect(finishes).toEqual(["tool_calls"]);
  expect(JSON.stringify(chunks)).not.toContain('"usage"');
});

test("usage comes last and once, if it was asked for", async () => {
  await using plane = await start(stream(eventsOf(answer)));
  const client = readStream(
    await plane.chat({ stream: true, stream_options: { include_usage: true } }),
  );
  await client.toEnd();
  const counted = chunksOf(client.data).filter((chunk) => chunk.usage != null);
  expect(counted).toHaveLength(1);
  expect(counted[0]).toMatchObject({
    choices: [],
    usage: { prompt_tokens: 1_112, completion_tokens: 34, total_tokens: 1_146 },
  });
});

test("each event is passed on at once", async () => {
  const events = eventsOf(message([text("one two")]), 3);
  const head = events.slice(0, 4).join("");
  const go = Promise.withResolvers<undefined>();
  await using plane = await start(async (response) => {
    response.writeHead(200, sse).write(head);
    await go.promise;
    response.end(events.slice(4).join(""));
  });
  const client = readStream(await plane.chat({ stream: true }));
  await client.untilText("one");
  expect(client.text).not.toContain("two");
  go.resolve(undefined);
  expect(await client.toEnd()).toBe("whole");
  expect(contentOf(chunksOf(client.data))).toBe("one two");
});

const overloaded = event({
  type: "error",
  error: { type: "overloaded_error", message: "Overloaded" },
});

test("an overloaded upstream is asked again, as long as nothing was said", async () => {
  let count = 0;
  const [begin = "", ping = ""] = eventsOf(answer);
  await using plane = await start((response, request, socket) => {
    const script = count++ === 0 ? stream([begin, ping, overloaded]) : stream(eventsOf(answer));
    return script(response, request, socket);
  });
  const client = readStream(await plane.chat({ stream: true }));
  expect(await client.toEnd()).toBe("whole");
  expect(count).toBe(2);
});

test("an error after the first word ends the stream as broken, with the vendor's words", async () => {
  const events = eventsOf(message([text("Hello there")]));
  await using plane = await start(stream([...events.slice(0, 4), overloaded]));
  const client = readStream(await plane.chat({ stream: true }));
  expect(await client.toEnd()).toBe("cut");
  expect(client.text).not.toContain("[DONE]");
  const chunks = chunksOf(client.data);
  expect(contentOf(chunks.slice(0, -1))).toBe("Hello t");
  expect(chunks.at(-1)?.error).toMatchObject({ message: "Overloaded", code: "overloaded_error" });
  expect(plane.upstream.seen).toHaveLength(1);
});

test("a stream that just stops is broken, also after its stop reason", async () => {
  const events = eventsOf(message([text("Hello there")]));
  await using plane = await start(stream(events.slice(0, -1)));
  const client = readStream(await plane.chat({ stream: true }));
  expect(await client.toEnd()).toBe("cut");
  const chunks = chunksOf(client.data);
  expect(chunks.at(-1)?.error).toMatchObject({ code: "upstream_error" });
  expect(client.text).not.toContain('"finish_reason":"');
});

test("a client that leaves stops the upstream", async () => {
  const events = eventsOf(message([text("Hello there")]));
  await using plane = await start((response) => {
    response.writeHead(200, sse).write(events.slice(0, 4).join(""));
  });
  const client = readStream(await plane.chat({ stream: true }));
  await client.untilText("Hello");
  expect(plane.upstream.openCount).toBe(1);
  await client.cancel();
  await until("the upstream is left alone", () => plane.upstream.openCount === 0);
});

const labels = ["application/json", "text/plain", "text/event-stream", ""];

test.each(labels)("what was sent as '%s' is told by what it is, not by that", async (label) => {
  const header = { "content-type": label };
  await using plane = await start(stream(eventsOf(answer), header));
  const client = readStream(await plane.chat({ stream: true }));
  expect(await client.toEnd()).toBe("whole");
  const streamed = (await (await plane.chat()).json()) as Json;
  plane.upstream.answer(whole(answer, header));
  const second = readStream(await plane.chat({ stream: true }));
  expect(await second.toEnd()).toBe("whole");
  expect(contentOf(chunksOf(second.data))).toBe(contentOf(chunksOf(client.data)));
  const wholly = (await (await plane.chat()).json()) as Json;
  expect({ ...wholly, created: 0 }).toEqual({ ...streamed, created: 0 });
});
