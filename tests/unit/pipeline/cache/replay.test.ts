import fc from "fast-check";
import { expect, test } from "vitest";

import { Recording } from "../../../../src/pipeline/cache/recording.ts";
import {
  foldEvents,
  readEvents,
  replayBatchBytes,
  replayStream,
  replayWhole,
} from "../../../../src/pipeline/cache/replay.ts";
import { rememberReplays } from "../../../../src/pipeline/cache/replay/remembered.ts";
import { storedBytesMax } from "../../../../src/pipeline/cache/storable.ts";
import { makeEvent } from "../../../../src/protocol/sse.ts";
import type { SseEvent } from "../../../../src/protocol/sse.ts";
import { counted, read, streamBody, stored, valuesOf, wholeBody } from "./stored-answers.ts";
import type { Fields } from "./stored-answers.ts";

const chatUsage = {
  prompt_tokens: 7,
  completion_tokens: 3,
  total_tokens: 10,
  prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
};
const chatAnswer = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1_700_000_000,
  model: "gpt-4o-2024-08-06",
  system_fingerprint: null,
  service_tier: "default",
  vendor_field: { a: [1, null, false] },
  choices: [
    {
      index: 0,
      message: {
        role: "assistant",
        content: '{"city":"Zürich","n":1.0}\n',
        refusal: null,
        reasoning_content: "Hm.",
        annotations: [],
        extra: { deep: "kept" },
      },
      logprobs: {
        content: [{ token: "a", logprob: -0.1, bytes: [97], top_logprobs: [] }],
        refusal: null,
      },
      finish_reason: "stop",
      content_filter_results: { hate: { filtered: false } },
    },
  ],
};

test("a whole answer is replayed as the bytes that it was, but for its usage", () => {
  const text = `{ "id" : "a",\n "big":12345678901234567890, "n":1.0, "choices":[ {"message":{"content":"\\u00e9 \\"usage\\":{}"}} ],\n "usage" : ${JSON.stringify(chatUsage)} , "z":null}`;
  const whole = replayWhole(stored("chat", wholeBody(text)));
  const usage = { ...chatUsage, prompt_tokens_details: { cached_tokens: 7, audio_tokens: 0 } };
  const [before = "", after = ""] = text.split(` ${JSON.stringify(chatUsage)} `);
  expect(whole?.bytes.toString()).toBe(`${before}${JSON.stringify(usage)}${after}`);
  expect(whole?.value["usage"]).toEqual(usage);
});

test("an answer without usage, and an embedding, are replayed byte for byte", () => {
  const text = `{"id": "a",  "choices":[]}`;
  expect(replayWhole(stored("chat", wholeBody(text)))?.bytes.toString()).toBe(text);
  const embedding = `{"data":[{"embedding":"AAAA"}],  "usage":{"prompt_tokens":1,"total_tokens":1}}`;
  const answer = { endpoint: "embeddings" as const, body: wholeBody(embedding), usage: counted };
  expect(replayWhole(answer)?.bytes.toString()).toBe(embedding);
  expect(replayStream(answer, { wantsUsage: false })).toBeUndefined();
});

test("a whole chat becomes chunks that OpenAI's clients put together again", async () => {
  const answer = stored("chat", wholeBody({ ...chatAnswer, usage: chatUsage }));
  const values = valuesOf(await read(answer));
  expect(values).toHaveLength(2);
  for (const value of values) {
    expect(value).toMatchObject({
      id: "chatcmpl-1",
      object: "chat.completion.chunk",
      created: 1_700_000_000,
    });
    expect(value).not.toHaveProperty("usage");
  }
  expect(values[0]).toMatchObject({
    choices: [{ delta: { role: "assistant" }, finish_reason: null }],
  });
  expect(values[1]).toMatchObject({ choices: [{ delta: {}, finish_reason: "stop" }] });
  expect(foldEvents("chat", values)).toEqual(chatAnswer);
});

test("usage comes once, last, without choices, marked as cached, and only to who asked for it", async () => {
  const usage = { ...chatUsage, prompt_tokens_details: { cached_tokens: 7, audio_tokens: 0 } };
  const fromWhole = stored("chat", wholeBody({ ...chatAnswer, usage: chatUsage }));
  expect(valuesOf(await read(fromWhole, true)).at(-1)).toMatchObject({ choices: [], usage });
  const asked = stored(
    "chat",
    streamBody([chunk({ content: "a" }), chunk({}, "stop"), usageEvent(chatUsage)]),
  );
  expect(valuesOf(await read(asked, true)).at(-1)).toMatchObject({ id: "c", choices: [], usage });
  expect(await read(asked, false)).toHaveLength(2);
  const unasked = stored("chat", streamBody([chunk({ content: "a" }), chunk({}, "stop")]));
  expect(valuesOf(await read(unasked, true)).at(-1)).toMatchObject({
    id: "c",
    model: "m",
    choices: [],
    usage: { prompt_tokens: 7, total_tokens: 10, prompt_tokens_details: { cached_tokens: 7 } },
  });
  expect(replayWhole(unasked)?.value["usage"]).toMatchObject({ total_tokens: 10 });
  expect(replayWhole(asked)?.value["usage"]).toEqual(usage);
});

test("usage in every chunk is taken out of them", async () => {
  const events = [
    makeEvent(
      JSON.stringify({
        id: "c",
        choices: [{ index: 0, delta: { content: "a" } }],
        usage: { prompt_tokens: 7 },
      }),
    ),
    makeEvent(
      JSON.stringify({
        id: "c",
        choices: [{ index: 0, delta: {}, finish_reason: "stop" }],
        usage: chatUsage,
      }),
    ),
  ];
  const values = valuesOf(await read(stored("chat", streamBody(events)), true));
  expect(values.map(({ usage }) => usage !== undefined)).toEqual([false, false, true]);
  expect(values[2]).toMatchObject({ choices: [], usage: { total_tokens: 10 } });
});

function chunk(delta: Fields, finish: string | null = null, extra: Fields = {}): SseEvent {
  const choices = [{ index: 0, delta, finish_reason: finish }];
  const head = { id: "c", object: "chat.completion.chunk", created: 1, model: "m" };
  return makeEvent(JSON.stringify({ ...head, choices, ...extra }));
}

const usageEvent = (usage: Fields): SseEvent =>
  makeEvent(JSON.stringify({ id: "c", object: "chat.completion.chunk", choices: [], usage }));

test("a stored stream is replayed event for event, as the bytes that they were", async () => {
  const raws = [
    `data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"usage":null}\n\n`,
    `data:{"id":"c","choices":[{"index":0,"delta":{"content":"\\u00e9 \\"usage\\": {"}}]}\n\n`,
    `id: 3\r\ndata: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\r\n\r\n`,
  ];
  const events = raws.map((raw) => ({ raw: Buffer.from(raw), name: "", data: "-" }));
  const comment = { raw: Buffer.from(": warm\n\n"), name: "", data: undefined };
  const again = await read(stored("chat", streamBody([comment, ...events])));
  expect(again.map(({ raw }) => raw.toString())).toEqual(raws);
});

test("a large stream goes out in pieces, and a small one at once", async () => {
  const events = Array.from({ length: 1_000 }, () => chunk({ content: "x".repeat(200) }));
  const large = replayStream(stored("chat", streamBody(events)), { wantsUsage: false });
  const first = await large?.next();
  const bytes = first?.events.reduce((sum, { raw }) => sum + raw.length, 0) ?? 0;
  expect(first?.isLast).toBe(false);
  expect(bytes).toBeGreaterThanOrEqual(replayBatchBytes);
  expect(bytes).toBeLessThan(replayBatchBytes + 1_000);
  const small = replayStream(stored("chat", streamBody(events.slice(0, 50))), {
    wantsUsage: false,
  });
  expect((await small?.next())?.isLast).toBe(true);
});

test("a stored stream becomes the whole answer that it was", () => {
  const events = [
    makeEvent(
      JSON.stringify({ id: "", model: "", created: 0, choices: [], prompt_filter_results: [1] }),
    ),
    chunk({ role: "assistant", content: "", refusal: null }, null, { obfuscation: "xx" }),
    chunk({ role: "assistant", reasoning_content: "Th" }),
    chunk({ reasoning_content: "ink." }),
    chunk({ content: '{"a":' }),
    chunk({ content: "1}" }),
    chunk({ content: null }),
    chunk({}, "stop", { service_tier: "flex" }),
  ];
  expect(replayWhole({ ...stored("chat", streamBody(events)), usage: undefined })?.value).toEqual({
    id: "c",
    object: "chat.completion",
    created: 1,
    model: "m",
    prompt_filter_results: [1],
    service_tier: "flex",
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: '{"a":1}',
          refusal: null,
          reasoning_content: "Think.",
        },
        finish_reason: "stop",
      },
    ],
  });
});

test("numbers keep their digits when a stream becomes whole", () => {
  const raw = `data: {"id":"c","seed":12345678901234567890,"choices":[{"index":0,"delta":{"content":"a","big":98765432109876543210}}]}\n\n`;
  const events = [{ raw: Buffer.from(raw), name: "", data: "-" }, chunk({}, "stop")];
  const text = replayWhole(stored("chat", streamBody(events)))?.bytes.toString();
  expect(text).toContain('"seed":12345678901234567890');
  expect(text).toContain('"big":98765432109876543210');
});

test("fields with names that objects inherit stay fields", () => {
  const raw = `data: {"id":"c","choices":[{"index":0,"delta":{"content":"a","__proto__":{"x":1},"constructor":"y"}}]}\n\n`;
  const events = [{ raw: Buffer.from(raw), name: "", data: "-" }, chunk({}, "stop")];
  const text = replayWhole(stored("chat", streamBody(events)))?.bytes.toString();
  expect(text).toContain('"__proto__":{"x":1}');
  expect(text).toContain('"constructor":"y"');
  expect({}).not.toHaveProperty("x");
});

const text = fc.string({ unit: "binary", maxLength: 20 });
const chats = fc.record({
  id: text,
  object: fc.constant("chat.completion"),
  created: fc.nat(),
  model: text,
  choices: fc
    .array(
      fc.record(
        {
          message: fc.record(
            {
              role: fc.constant("assistant"),
              content: fc.option(text),
              refusal: fc.option(text),
              reasoning_content: text,
              some_field: fc.jsonValue({ maxDepth: 2 }),
            },
            { requiredKeys: ["role", "content"] },
          ),
          finish_reason: fc.constantFrom("stop", "length"),
          stop_reason: fc.option(text),
        },
        { requiredKeys: ["message", "finish_reason"] },
      ),
      { minLength: 1, maxLength: 3 },
    )
    .map((choices) => choices.map((choice, index) => ({ index, logprobs: null, ...choice }))),
});

test("a chat that is taken apart and put together again is the same", async () => {
  await fc.assert(
    fc.asyncProperty(chats, async (chat) => {
      const events = await read(stored("chat", wholeBody(chat)));
      const again = replayWhole({ ...stored("chat", streamBody(events)), usage: undefined });
      expect(JSON.parse(again?.bytes.toString() ?? "")).toEqual(JSON.parse(JSON.stringify(chat)));
    }),
    { numRuns: 500 },
  );
});

test("however a text was cut into chunks, it is the same when it is whole", () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), (pieces) => {
      const events = [...pieces.map((content) => chunk({ content })), chunk({}, "stop")];
      const whole = replayWhole(stored("chat", streamBody(events)));
      const again = JSON.parse(whole?.bytes.toString() ?? "") as { choices: unknown };
      expect(again.choices).toMatchObject([{ message: { content: pieces.join("") } }]);
    }),
    { numRuns: 500 },
  );
});

const completion = {
  id: "cmpl-1",
  object: "text_completion",
  created: 1,
  model: "m",
  choices: [
    { text: " one", index: 0, logprobs: null, finish_reason: "stop" },
    {
      text: " two",
      index: 1,
      logprobs: { tokens: [" two"], token_logprobs: [-1], top_logprobs: null, text_offset: [0] },
      finish_reason: "stop",
    },
  ],
};

test("completions go both ways, several prompts and all", async () => {
  const events = await read(
    stored("completions", wholeBody({ ...completion, usage: chatUsage })),
    true,
  );
  const values = valuesOf(events);
  expect(values.every(({ object }) => object === "text_completion")).toBe(true);
  expect(values.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 7 } });
  const { usage, ...again } = replayWhole(stored("completions", streamBody(events)))?.value ?? {};
  expect(again).toEqual(completion);
  expect(usage).toMatchObject({ prompt_tokens_details: { cached_tokens: 7 } });
});

test("what is damaged is as good as not stored", () => {
  for (const endpoint of ["chat", "completions", "responses", "messages"] as const) {
    for (const damaged of ["", "{", "[]", "null", '"usage"']) {
      expect(replayWhole(stored(endpoint, wholeBody(damaged)))).toBeUndefined();
      expect(
        replayStream(stored(endpoint, wholeBody(damaged)), { wantsUsage: true }),
      ).toBeUndefined();
      const cut = { raw: Buffer.from(`data: ${damaged}{"usage"`), name: "", data: "-" };
      expect(replayWhole(stored(endpoint, streamBody([cut])))).toBeUndefined();
      expect(
        replayStream(stored(endpoint, streamBody([cut])), { wantsUsage: true }),
      ).toBeUndefined();
    }
    expect(replayWhole(stored(endpoint, { kind: "events", chunks: [] }))).toBeUndefined();
  }
});

test("a recording copies what it is given, and lets go of what is too large", () => {
  const network = Buffer.from(`data: {"a":1}\n\n`);
  const recorded = { bytes: 0 };
  const recording = new Recording(recorded);
  recording.add([{ raw: network, name: "", data: `{"a":1}` }]);
  const body = recording.body();
  network.fill(0);
  expect(body?.kind === "events" ? readEvents(body.chunks) : undefined).toEqual([{ a: 1 }]);
  expect(recorded.bytes).toBeGreaterThan(0);
  recording.add([{ raw: Buffer.alloc(storedBytesMax), name: "", data: "-" }]);
  expect(recorded.bytes).toBe(0);
  expect(recording.body()).toBeUndefined();
});

test("where all recordings together hold too much, a stream that goes on is not kept", () => {
  const recorded = { bytes: 1024 ** 3 };
  const recording = new Recording(recorded);
  recording.add([{ raw: Buffer.from("data: {}\n\n"), name: "", data: "{}" }]);
  expect(recording.body()).toBeUndefined();
  expect(recorded.bytes).toBe(1024 ** 3);
});

test("what is remembered of a stream is what was replayed, with usage and without", async () => {
  const chunk = { id: "chatcmpl-1", choices: [{ index: 0, delta: { content: "a" } }] };
  const usage = { ...chunk, choices: [], usage: chatUsage };
  const body = streamBody([chunk, usage].map((each) => makeEvent(JSON.stringify(each))));
  const answer = stored("chat", body);
  const texts = async (wantsUsage: boolean) =>
    (await read(answer, wantsUsage)).map(({ raw }) => raw.toString());
  const [without, withUsage] = [await texts(false), await texts(true)];
  expect(withUsage.length).toBe(without.length + 1);
  rememberReplays(body);
  for (let turn = 0; turn < 2; turn += 1) {
    expect([await texts(false), await texts(true)]).toEqual([without, withUsage]);
  }
  expect((await read(answer))[0]).toBe((await read(answer))[0]);
});
