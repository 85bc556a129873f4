import { expect, test } from "vitest";
import { z } from "zod";

import { Failure } from "../../../src/errors.ts";
import { checkRequest } from "../../../src/protocol/check-request.ts";
import { chatRequest, completionRequest, embeddingRequest } from "../../../src/protocol/schemas.ts";

/** What is said of a body that this schema refuses; undefined of one that passes. */
function refusal(schema: z.ZodType, body: unknown): unknown {
  try {
    checkRequest(schema, body);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    const { message, param, code } = thrown.body;
    return [thrown.status, param, code, message];
  }
}

const messages = [{ role: "user", content: "Hi" }];
const chat = (fields: object): object => ({ model: "m", messages, ...fields });

test("a body that is right passes", () => {
  expect(refusal(chatRequest, chat({}))).toBeUndefined();
});

test.each([
  ["a missing field", { model: undefined }, "model", "missing_required_parameter", "is required."],
  [
    "a field of null that may not be",
    { model: null },
    "model",
    "invalid_type",
    "must be a string.",
  ],
  ["a wrong type", { n: "2" }, "n", "invalid_type", "must be a number."],
  ["a fraction", { n: 1.5 }, "n", "invalid_type", "must be a whole number."],
  [
    "an object's type",
    { stream_options: 1 },
    "stream_options",
    "invalid_type",
    "must be an object.",
  ],
  ["an array's type", { tools: {} }, "tools", "invalid_type", "must be an array."],
  ["a small number", { n: 0 }, "n", "invalid_value", "must be at least 1."],
  ["a large number", { temperature: 9 }, "temperature", "invalid_value", "must be at most 2."],
  ["a short text", { model: "" }, "model", "invalid_value", "must be at least 1 characters long."],
  [
    "a long text",
    { model: "m".repeat(257) },
    "model",
    "invalid_value",
    "must be at most 256 characters long.",
  ],
  [
    "an empty list",
    { messages: [] },
    "messages",
    "empty_array",
    "must have at least 1 element(s).",
  ],
  [
    "a type that none of several is",
    { stop: 5 },
    "stop",
    "invalid_type",
    "has a type that this field does not take.",
  ],
])("%s is named, and what it must be", (_what, fields, param, code, ending) => {
  expect(refusal(chatRequest, chat(fields))).toEqual([400, param, code, `'${param}' ${ending}`]);
});

test("one value of several is asked for by name", () => {
  const body = { model: "m", input: "a", encoding_format: "hex" };
  const message = "'encoding_format' must be one of: float, base64.";
  const expected = [400, "encoding_format", "invalid_value", message];
  expect(refusal(embeddingRequest, body)).toEqual(expected);
});

test("a path is written as OpenAI writes it", () => {
  const call = { function: { name: "f", arguments: 1 } };
  const body = chat({ messages: [...messages, { role: "assistant", tool_calls: [call] }] });
  const param = "messages[1].tool_calls[0].function.arguments";
  expect(refusal(chatRequest, body)).toEqual([
    400,
    param,
    "invalid_type",
    `'${param}' must be a string.`,
  ]);
});

test("of the forms that a field may have, the one that comes nearest is judged", () => {
  const body = chat({ messages: [{ role: "user", content: [{ type: "text" }, { text: "Hi" }] }] });
  const param = "messages[0].content[1].type";
  const message = `'${param}' is required.`;
  expect(refusal(chatRequest, body)).toEqual([400, param, "missing_required_parameter", message]);
});

test("a body that is no object at all is the body's own fault", () => {
  const message = "The request body must be an object.";
  expect(refusal(chatRequest, "Hi")).toEqual([400, null, "invalid_type", message]);
});

test("the first field at fault is the one that is named", () => {
  expect(refusal(chatRequest, { temperature: 9, messages })).toMatchObject({ 1: "temperature" });
});

test("names that every object has are not taken for fields", () => {
  const strange = z.looseObject({ constructor: z.string() });
  expect(refusal(strange, {})).toMatchObject({ 1: "constructor" });
});

test("an old completion may ask for no tokens at all, to have its prompt judged", () => {
  const body = { model: "m", prompt: "a", max_tokens: 0, echo: true, logprobs: 1 };
  expect(refusal(completionRequest, body)).toBeUndefined();
});
