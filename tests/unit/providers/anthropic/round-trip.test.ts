import fc from "fast-check";
import { expect, test } from "vitest";

import { writeChat } from "../../../../src/providers/anthropic/to-request.ts";
import { callOf, model } from "../../../fixtures/anthropic/call.ts";
import type { Json } from "../../../fixtures/anthropic/messages.ts";

interface Call {
  readonly id: string;
  readonly name: string;
  readonly input: Json;
}

/** One exchange: a question, an answer that may call tools, and their results. */
interface Round {
  readonly question: string;
  readonly answer: string;
  readonly calls: readonly Call[];
}

const word = fc.stringMatching(/^[A-Za-z0-9]{1,12}$/);
const said = fc.string({ unit: "grapheme", minLength: 1 }).filter((words) => words.trim() !== "");
const value = fc.oneof(said, fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.integer()));
const rounds = fc.array(
  fc.record({
    question: said,
    answer: said,
    calls: fc.uniqueArray(fc.record({ id: word, name: word, input: fc.dictionary(word, value) }), {
      maxLength: 3,
      selector: ({ id }) => id,
    }),
  }),
  { minLength: 1, maxLength: 5 },
);

const messagesOf = (chat: readonly Round[]): Json[] =>
  chat.flatMap(({ question, answer, calls }, round) => [
    { role: "user", content: question },
    {
      role: "assistant",
      content: answer,
      ...(calls.length === 0 ? {} : { tool_calls: calls.map((call) => toCall(call, round)) }),
    },
    ...calls.map(({ id }) => ({
      role: "tool",
      tool_call_id: `${id}-${round}`,
      content: `result of ${id}`,
    })),
  ]);

const toCall = ({ id, name, input }: Call, round: number): Json => ({
  id: `${id}-${round}`,
  type: "function",
  function: { name, arguments: JSON.stringify(input) },
});

/** The way back, as plainly as it can be written: one message for each block. */
function inverse(turns: readonly { role: string; content: readonly Json[] }[]): Json[] {
  return turns.flatMap(({ role, content }) =>
    content.map((block): Json => {
      switch (block["type"]) {
        case "tool_use": {
          const { id, name, input } = block;
          return { call: { id, name, arguments: JSON.stringify(input) } };
        }
        case "tool_result":
          return { result: block["tool_use_id"], content: block["content"] };
        default:
          return { role, text: block["text"] };
      }
    }),
  );
}

const flat = (messages: readonly Json[]): Json[] =>
  messages.flatMap((message): Json[] => {
    const { role, content, tool_call_id: id, tool_calls: calls = [] } = message;
    if (role === "tool") return [{ result: id, content }];
    return [
      { role, text: content },
      ...(calls as readonly { id: string; function: Json }[]).map((call) => ({
        call: { id: call.id, ...call.function },
      })),
    ];
  });

test("roles, order, texts, ids, names and arguments survive the way there and back", () => {
  fc.assert(
    fc.property(rounds, said, (chat, last) => {
      const messages = [...messagesOf(chat), { role: "user", content: last }];
      const { body } = writeChat(callOf({ model, messages }));
      const turns = (JSON.parse(body) as { messages: { role: string; content: Json[] }[] })
        .messages;
      expect(inverse(turns)).toEqual(flat(messages));
    }),
  );
});

test("turns always alternate, begin with the user, and hold no empty text", () => {
  const any = fc.constantFrom<Json>(
    { role: "user", content: "u" },
    { role: "user", content: "" },
    { role: "assistant", content: "a " },
    { role: "assistant", content: null },
    { role: "assistant", content: " " },
    { role: "system", content: "s" },
    { role: "developer", content: [] },
    { role: "tool", tool_call_id: "call_1", content: "" },
  );
  fc.assert(
    fc.property(fc.array(any), (middle) => {
      const messages = [...middle, { role: "user", content: "u" }];
      const { body } = writeChat(callOf({ model, messages }));
      const turns = (JSON.parse(body) as { messages: { role: string; content: Json[] }[] })
        .messages;
      turns.forEach((turn, index) => {
        expect(turn.role).toBe(index % 2 === 0 ? "user" : "assistant");
        expect(turn.content.length).toBeGreaterThan(0);
        for (const block of turn.content) {
          if (block["type"] === "text") expect(String(block["text"]).trim()).not.toBe("");
        }
      });
    }),
  );
});
