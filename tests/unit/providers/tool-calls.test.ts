import fc from "fast-check";
import { expect, test } from "vitest";

import type { JsonObject } from "../../../src/lib/json-text.ts";
import {
  ToolCallRepair,
  repairWhole,
} from "../../../src/providers/openai-compatible/tool-calls.ts";

const chunk = (calls: unknown, finish: string | null = null): JsonObject => ({
  choices: [{ index: 0, delta: { tool_calls: calls }, finish_reason: finish }],
});

interface Piece {
  index: number;
  id?: string;
  type?: string;
  function: { name?: string; arguments: string };
}

function piecesOf(chunks: readonly JsonObject[]): Piece[] {
  return chunks.flatMap((value) => {
    const choices = value["choices"] as { delta?: { tool_calls?: Piece[] } }[];
    return choices[0]?.delta?.tool_calls ?? [];
  });
}

function repairAll(chunks: readonly JsonObject[]): JsonObject[] {
  const repair = new ToolCallRepair();
  return chunks.map((value) => repair.repairChunk(value));
}

test("two calls that each come as index 0 get indices 0 and 1", () => {
  const pieces = piecesOf(
    repairAll([
      chunk([{ index: 0, id: "a", function: { name: "f", arguments: "{}" } }]),
      chunk([{ index: 0, id: "b", function: { name: "g", arguments: "{}" } }]),
    ]),
  );
  expect(pieces.map((piece) => [piece.index, piece.id])).toEqual([
    [0, "a"],
    [1, "b"],
  ]);
});

test("indices that count text blocks, from 1 or with holes, are counted from 0", () => {
  const pieces = piecesOf(
    repairAll([
      chunk([{ index: 1, id: "a", function: { name: "f", arguments: "" } }]),
      chunk([{ index: 1, function: { arguments: "{}" } }]),
      chunk([{ index: 3, id: "b", function: { name: "g", arguments: "{}" } }]),
    ]),
  );
  expect(pieces.map((piece) => piece.index)).toEqual([0, 0, 1]);
});

test("id, type and name stay in the first piece of a call only", () => {
  const piece = { index: 0, id: "a", type: "function", function: { name: "f", arguments: "x" } };
  const [first, second] = piecesOf(repairAll([chunk([piece]), chunk([piece])]));
  expect(first).toMatchObject({ id: "a", type: "function", function: { name: "f" } });
  expect(second).toEqual({ index: 0, function: { arguments: "x" } });
});

test("arguments that came as an object become a string, and missing ids are made", () => {
  const [piece] = piecesOf(repairAll([chunk([{ function: { name: "f", arguments: { a: 1 } } }])]));
  expect(piece?.function.arguments).toBe('{"a":1}');
  expect(piece?.id).toMatch(/^call_/);
  expect(piece?.type).toBe("function");
});

test("a stream with tool calls that ends with `stop` ends with `tool_calls`", () => {
  const chunks = repairAll([
    chunk([{ index: 0, id: "a", function: { name: "f", arguments: "{}" } }]),
    { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
  ]);
  expect(chunks[1]).toMatchObject({ choices: [{ finish_reason: "tool_calls" }] });
});

test("a stream without tool calls keeps its `stop` and every chunk as it was", () => {
  const last = { choices: [{ index: 0, delta: { content: "x" }, finish_reason: "stop" }] };
  expect(repairAll([last])[0]).toBe(last);
});

test("however a server numbers and cuts its calls, names, ids and arguments come out whole", () => {
  const call = fc.record({
    name: fc.stringMatching(/^[a-z]{1,8}$/),
    parts: fc.array(fc.string(), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(fc.array(call, { minLength: 1, maxLength: 5 }), fc.boolean(), (calls, resets) => {
      const chunks = calls.flatMap(({ name, parts }, index) => {
        const theirs = resets ? 0 : index;
        const id = `id-${index}`;
        return [
          chunk([{ index: theirs, id, function: { name, arguments: "" } }]),
          ...parts.map((part) => chunk([{ index: theirs, function: { arguments: part } }])),
        ];
      });
      const pieces = piecesOf(repairAll(chunks));
      calls.forEach(({ name, parts }, index) => {
        const own = pieces.filter((piece) => piece.index === index);
        expect(own[0]).toMatchObject({ id: `id-${index}`, function: { name } });
        expect(own.map((piece) => piece.function.arguments).join("")).toBe(parts.join(""));
        expect(own.slice(1).every((piece) => piece.id === undefined)).toBe(true);
      });
    }),
  );
});

test("a whole answer has distinct ids, arguments as text and the right finish reason", () => {
  const repaired = repairWhole({
    choices: [
      {
        index: 0,
        finish_reason: "stop",
        message: {
          tool_calls: [
            { id: "same", function: { name: "f", arguments: { a: 1 } } },
            { id: "same", function: { name: "g", arguments: "{}" } },
          ],
        },
      },
    ],
  });
  const [choice] = repaired["choices"] as [
    { finish_reason: string; message: { tool_calls: Piece[] } },
  ];
  expect(choice.finish_reason).toBe("tool_calls");
  const ids = choice.message.tool_calls.map((toolCall) => toolCall.id);
  expect(new Set(ids).size).toBe(2);
  expect(choice.message.tool_calls[0]?.function.arguments).toBe('{"a":1}');
});
