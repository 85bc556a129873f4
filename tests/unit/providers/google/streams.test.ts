import fc from "fast-check";
import { expect, test } from "vitest";

import { fromObject } from "../../../../src/lib/json-text.ts";
import { writeRequest } from "../../../../src/providers/google/to-request.ts";
import {
  answer,
  event,
  openAiUsage,
  overloaded,
  parallelCalls,
  usageMetadata,
} from "../../../fixtures/google/responses.ts";
import { assembled, context, failureOf, stream, streamed, whole } from "./read-answers.ts";
import type { Choice } from "./read-answers.ts";

test("usage is shown once, last, and to who asked for it", async () => {
  const early = { ...usageMetadata, candidatesTokenCount: 1 };
  const responses = [
    answer([{ text: "a" }], { usageMetadata: early }),
    answer([{ text: "b" }], { usageMetadata, finishReason: "STOP" }),
  ];
  const chunks = await streamed(...responses);
  expect(chunks.filter((chunk) => chunk.usage !== undefined)).toHaveLength(1);
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: openAiUsage });
  const hidden = await stream([Buffer.from(responses.map(event).join(""))], false);
  expect(JSON.stringify(hidden)).not.toContain("usage");
});

test("a finish reason in every event is one at the end", async () => {
  const chunks = await streamed(
    answer([{ text: "a" }], { finishReason: "STOP" }),
    answer([{ text: "b" }], { finishReason: "STOP" }),
  );
  expect(assembled(chunks)).toMatchObject([{ message: { content: "ab" }, finish_reason: "stop" }]);
  expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("stop");
});

test("calls in several events are numbered through, with text and thoughts between them", async () => {
  const [first, second] = parallelCalls;
  const chunks = await streamed(
    answer([{ text: "hm", thought: true }, { text: "so" }]),
    answer([first]),
    answer([{ text: "" }, second]),
    answer([{ text: "" }], { finishReason: "STOP" }),
  );
  const pieces = chunks
    .flatMap((chunk) => chunk.choices)
    .flatMap(({ delta }) => delta["tool_calls"] ?? []);
  expect(pieces).toMatchObject([
    {
      index: 0,
      type: "function",
      function: { arguments: '{"flight":"AA100"}' },
      extra_content: {},
    },
    { index: 1, type: "function", function: { arguments: '{"flight":"BB200"}' } },
  ]);
  expect(assembled(chunks)[0]?.finish_reason).toBe("tool_calls");
});

test("a signature that comes last, with no text, belongs to the message", async () => {
  const chunks = await streamed(
    answer([{ text: "x" }]),
    answer([{ text: "", thoughtSignature: "c2ln" }], { finishReason: "STOP" }),
  );
  expect(assembled(chunks)[0]?.message["extra_content"]).toEqual({
    google: { thought_signature: "c2ln" },
  });
});

test.each<[string, string]>([
  ["no finish reason", event(answer([{ text: "x" }]))],
  ["half an event", `${event(answer([{ text: "x" }]))}data: {"candidates":[{"finishReason":"ST`],
  ["no event at all", ""],
  ["nothing but comments", ": wait\n\n"],
  ["half a list", '[{"candidates":[{"finishReason":"STOP"}]},{'],
  ["an event that is no JSON", "data: oops\n\n"],
])("a stream that ends with %s was cut", async (_what, text) => {
  expect(await failureOf(stream([Buffer.from(text)]))).toMatchObject({ kind: "upstream_error" });
});

test.each([event(overloaded), JSON.stringify(overloaded), JSON.stringify([overloaded])])(
  "an error in a stream is that error: %s",
  async (text) => {
    const begun = event(answer([{ text: "x" }]));
    const chunks = text.startsWith("data") ? [begun, text] : [text];
    expect(await failureOf(stream(chunks.map((chunk) => Buffer.from(chunk))))).toMatchObject({
      kind: "upstream_error",
      body: { message: "The model is overloaded.", code: "UNAVAILABLE" },
    });
  },
);

test("a list in place of a stream is the same answer", async () => {
  const responses = [
    answer([{ text: "a" }]),
    answer([{ text: "b" }], { finishReason: "STOP", usageMetadata }),
  ];
  const list = Buffer.from(`\n${JSON.stringify(responses)}`);
  expect(
    assembled(await stream([list.subarray(0, 1), list.subarray(1, 9), list.subarray(9)])),
  ).toEqual(assembled(await streamed(...responses)));
});

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const part = fc.oneof(
  fc.record({ text }),
  fc.record({ text, thought: fc.constant(true) }),
  fc.record({ text, thoughtSignature: fc.base64String({ minLength: 4, maxLength: 8 }) }),
  fc.record({
    functionCall: fc.record(
      {
        id: fc.uuid(),
        name: fc.constantFrom("f", "g"),
        args: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 })),
      },
      { requiredKeys: ["id", "name"] },
    ),
  }),
  fc.record({
    inlineData: fc.record({ mimeType: fc.constant("image/png"), data: fc.base64String() }),
  }),
);
const responses = fc
  .array(fc.array(part, { maxLength: 3 }), { minLength: 1, maxLength: 5 })
  .map((lists) =>
    lists.map((parts, index) =>
      answer(parts, index === lists.length - 1 ? { finishReason: "STOP", usageMetadata } : {}),
    ),
  );

test("a stream comes to the same as a whole answer, however its bytes are cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      responses,
      fc.array(fc.nat(), { maxLength: 6 }),
      fc.boolean(),
      async (given, cuts, asList) => {
        const bytes = Buffer.from(asList ? JSON.stringify(given) : given.map(event).join(""));
        const places = [
          0,
          ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b),
          bytes.length,
        ];
        const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        const got = await stream(chunks);
        const expected = whole(given);
        // What was said with no text at all is "" in one and null in the other.
        const told = (choices: Choice[]): unknown =>
          choices.map((choice) => ({
            ...choice,
            message: { ...choice.message, content: choice.message.content ?? "" },
          }));
        expect(told(assembled(got))).toEqual(told(expected.choices));
        expect(got.at(-1)?.usage).toEqual(expected.usage);
        expect(new Set(got.map(({ id }) => id))).toEqual(new Set(["resp-1"]));
      },
    ),
    { numRuns: 150 },
  );
});

const nonEmpty = fc.string({ minLength: 1, maxLength: 10 });
const toolCall = fc.record({
  id: fc.uuid(),
  name: nonEmpty,
  args: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 })),
  signature: fc.option(fc.base64String({ minLength: 4, maxLength: 8 }), { nil: undefined }),
});

test("what an assistant said goes to Gemini and comes back as it was", () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.uniqueArray(toolCall, { selector: ({ id }) => id, minLength: 1, maxLength: 4 }),
      (content, calls) => {
        const message = {
          role: "assistant",
          content: content === "" ? null : content,
          tool_calls: calls.map(({ id, name, args, signature }) => ({
            id,
            type: "function",
            function: { name, arguments: JSON.stringify(args) },
            ...(signature === undefined
              ? {}
              : { extra_content: { google: { thought_signature: signature } } }),
          })),
        };
        const results = calls.map(({ id }, index) => ({
          role: "tool",
          tool_call_id: id,
          content: `r${index}`,
        }));
        const request = fromObject({
          messages: [{ role: "user", content: "Hi" }, message, ...results],
        });
        const { body, names } = writeRequest({ request, model: "gemini-2.5-flash" });
        const [asked, said, told] = body["contents"] as {
          role: string;
          parts: { functionResponse?: object }[];
        }[];
        expect([asked?.role, said?.role, told?.role]).toEqual(["user", "model", "user"]);
        expect(told?.parts.map(({ functionResponse }) => functionResponse)).toMatchObject(
          calls.map(({ id }, index) => ({ id, response: { result: `r${index}` } })),
        );
        const back = whole(
          { candidates: [{ content: said, finishReason: "STOP" }] },
          context(names),
        );
        expect(back.choices[0]?.message).toEqual({ ...message, refusal: null });
      },
    ),
    { numRuns: 200 },
  );
});
