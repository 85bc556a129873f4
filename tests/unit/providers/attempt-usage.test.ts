import { expect, test } from "vitest";

import { AnthropicEvents } from "../../../src/providers/anthropic/from-events.ts";
import { ChatTaker } from "../../../src/providers/anthropic/answer/chat-taker.ts";
import { readWhole } from "../../../src/providers/google/from-response.ts";
import { ToolNames } from "../../../src/providers/google/tool-names.ts";
import { noteUsage } from "../../../src/providers/note-usage.ts";
import { withPointOfNoReturn } from "../../../src/providers/policies/with-point-of-no-return.ts";
import type { Attempt, ProviderCall } from "../../../src/providers/provider.ts";
import { eventsOf } from "../../../src/providers/transport/peek.ts";
import type { UpstreamBody } from "../../../src/providers/transport/upstream-call.ts";
import { labCall } from "../../support/route-lab.ts";

const upstream = { name: "it", key: undefined, headers: {} };

const bodyOf = (...events: readonly object[]): UpstreamBody => {
  const parts = events.map((event) => Buffer.from(`data: ${JSON.stringify(event)}\n\n`));
  return {
    next: () => Promise.resolve(parts.shift()),
    cancel: () => undefined,
    drain: () => undefined,
  };
};

function callWithAttempt(): { call: ProviderCall; attempt: Attempt } {
  const attempt: Attempt = { provider: "it", model: "m", startedTickMs: 0 };
  const call = { ...labCall({ messages: [] }), attempts: [attempt] };
  return { call, attempt };
}

test("what a stream had told before it failed is noted with the attempt, which may be tried again", async () => {
  const { call, attempt } = callWithAttempt();
  const taker = new ChatTaker({
    upstream,
    answerTool: undefined,
    showsUsage: false,
    model: "m",
    createdSeconds: 0,
  });
  const usage = { input_tokens: 1_000, output_tokens: 1 };
  const body = bodyOf(
    { type: "message_start", message: { id: "msg_1", usage } },
    { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
  );
  const events = eventsOf(body, {
    events: (stream) => new AnthropicEvents(stream, taker, "it"),
    whole: () => {
      throw new Error("it is a stream");
    },
    wholeBytesMax: 1_000,
    upstreamName: "it",
  });
  const provider = withPointOfNoReturn({
    send: () => Promise.resolve({ kind: "stream", headers: {}, droppedParams: [], events }),
  });
  await expect(provider.send(call)).rejects.toMatchObject({ name: "Failure" });
  expect(attempt.usage).toMatchObject({ inputTokens: 1_000, outputTokens: 1 });
});

test("an answer that cannot be passed on has its usage noted: it is paid for", () => {
  const { call, attempt } = callWithAttempt();
  const answer = {
    candidates: [{ finishReason: "MALFORMED_FUNCTION_CALL", content: { parts: [] } }],
    usageMetadata: { promptTokenCount: 20, candidatesTokenCount: 7 },
  };
  const context = {
    model: "m",
    names: new ToolNames(),
    upstream,
    noteUsage: (usage: Attempt["usage"]) => {
      noteUsage(call, usage);
    },
  };
  expect(() => readWhole(Buffer.from(JSON.stringify(answer)), context)).toThrow("gave up");
  expect(attempt.usage).toMatchObject({ inputTokens: 20, outputTokens: 7 });
});
