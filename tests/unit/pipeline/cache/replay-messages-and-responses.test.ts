import { expect, test } from "vitest";

import { foldEvents, replayWhole } from "../../../../src/pipeline/cache/replay.ts";
import { makeEvent } from "../../../../src/protocol/sse.ts";
import { read, streamBody, stored, valuesOf, wholeBody } from "./stored-answers.ts";

const messageCounts = {
  input_tokens: 5,
  cache_creation_input_tokens: 3,
  cache_read_input_tokens: 2,
  cache_creation: { ephemeral_5m_input_tokens: 3, ephemeral_1h_input_tokens: 0 },
  output_tokens: 9,
  service_tier: "standard",
};
const readCounts = {
  input_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 10,
  cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
  service_tier: "standard",
};
const messageAnswer = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude",
  content: [
    { type: "thinking", thinking: "Hm.", signature: "c2ln" },
    { type: "redacted_thinking", data: "xyz" },
    { type: "text", text: "Hello", citations: [{ type: "char_location", cited_text: "H" }] },
    { type: "text", text: '{"a":1}' },
    { type: "something_new", payload: { a: 1 } },
  ],
  stop_reason: "stop_sequence",
  stop_sequence: "END",
  vendor: null,
  usage: messageCounts,
};

test("messages go both ways, with their events named and their prompt read from the cache", async () => {
  const events = await read(stored("messages", wholeBody(messageAnswer)));
  for (const event of events) expect(event.name).toBe(valuesOf([event])[0]?.["type"]);
  expect(events[0]?.name).toBe("message_start");
  expect(valuesOf(events)[0]).toMatchObject({
    message: { content: [], stop_reason: null, stop_sequence: null, usage: readCounts },
  });
  expect(events.slice(-2).map(({ name }) => name)).toEqual(["message_delta", "message_stop"]);
  const again = foldEvents("messages", valuesOf(events));
  expect(again).toEqual({ ...messageAnswer, usage: { ...readCounts, output_tokens: 9 } });
});

test("a stored message's stream keeps its events, and its counts say that they were read from the cache", async () => {
  const start = {
    type: "message_start",
    message: { id: "msg_1", content: [], usage: messageCounts },
  };
  const block = {
    type: "content_block_start",
    index: 0,
    content_block: { type: "text", text: "" },
  };
  const delta = {
    type: "content_block_delta",
    index: 0,
    delta: { type: "text_delta", text: "Hi" },
  };
  const ends = [
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 9 } },
    { type: "message_stop" },
  ];
  const values = [start, { type: "ping" }, block, delta, ...ends];
  const body = streamBody(values.map((value) => makeEvent(JSON.stringify(value), value.type)));
  const again = await read(stored("messages", body));
  expect(again.map(({ name }) => name)).toEqual(values.map(({ type }) => type));
  expect(valuesOf(again)[0]).toMatchObject({ message: { usage: readCounts } });
  expect(valuesOf(again)[5]).toEqual(values[5]);
  expect(replayWhole(stored("messages", body))?.value).toMatchObject({
    id: "msg_1",
    content: [{ type: "text", text: "Hi" }],
    stop_reason: "end_turn",
    usage: { ...readCounts, output_tokens: 9 },
  });
});

test("a message without its end is not put together", () => {
  const start = { type: "message_start", message: { id: "msg_1", content: [] } };
  expect(
    replayWhole(stored("messages", streamBody([makeEvent(JSON.stringify(start), start.type)]))),
  ).toBeUndefined();
});

const responseAnswer = {
  id: "resp_1",
  object: "response",
  created_at: 1,
  status: "completed",
  model: "gpt",
  output: [
    { id: "rs_1", type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }] },
    {
      id: "msg_1",
      type: "message",
      role: "assistant",
      status: "completed",
      content: [
        {
          type: "output_text",
          text: "Hello",
          annotations: [{ type: "url_citation", url: "u" }],
          logprobs: [],
        },
        { type: "refusal", refusal: "No." },
        { type: "something_new", payload: 1 },
      ],
    },
  ],
  usage: {
    input_tokens: 7,
    input_tokens_details: { cached_tokens: 1 },
    output_tokens: 3,
    total_tokens: 10,
  },
  metadata: {},
};

test("responses go both ways, numbered and named", async () => {
  const events = await read(stored("responses", wholeBody(responseAnswer)));
  const values = valuesOf(events);
  expect(values.map(({ sequence_number: number }) => number)).toEqual(values.map((_, at) => at));
  expect(events.map(({ name }) => name)).toEqual(values.map(({ type }) => type));
  expect(values[0]).toMatchObject({
    type: "response.created",
    response: { status: "in_progress", output: [], usage: null },
  });
  const said = values.filter(({ type }) => type === "response.output_text.delta");
  expect(said).toMatchObject([
    { item_id: "msg_1", output_index: 1, content_index: 0, delta: "Hello" },
  ]);
  const marked = { ...responseAnswer.usage, input_tokens_details: { cached_tokens: 7 } };
  expect(values.at(-1)).toMatchObject({ type: "response.completed", response: { usage: marked } });
  const whole = replayWhole(stored("responses", streamBody(events)));
  expect(whole?.value).toEqual({ ...responseAnswer, usage: marked });
});

test("a response whose last event leaves its output out gets it from the events before", () => {
  const item = responseAnswer.output[1];
  const values = [
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: { ...responseAnswer, output: [] } },
  ];
  expect(foldEvents("responses", values)).toEqual({ ...responseAnswer, output: [item] });
});
