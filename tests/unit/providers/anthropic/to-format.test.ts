import { expect, test } from "vitest";

import type { Json } from "../../../fixtures/anthropic/messages.ts";
import { fn, system, user, write } from "../../../fixtures/anthropic/write.ts";

const schema = {
  type: "object",
  properties: { answer: { type: "string", minLength: 1 } },
  required: ["answer"],
};
const jsonSchema = (given: Json = schema): Json => ({
  response_format: { type: "json_schema", json_schema: { name: "a", strict: true, schema: given } },
});

test("a JSON schema is Anthropic's own where the model has it", () => {
  const { body, answerTool } = write(jsonSchema());
  expect(body["output_config"]).toEqual({
    format: {
      type: "json_schema",
      schema: {
        type: "object",
        properties: { answer: { type: "string", description: "{minLength: 1}" } },
        required: ["answer"],
        additionalProperties: false,
      },
    },
  });
  expect(answerTool).toBeUndefined();
});

test.each([
  ["an older model", { model: "claude-3-5-haiku-20241022", ...jsonSchema() }],
  [
    "a schema of any keys",
    jsonSchema({ type: "object", additionalProperties: { type: "string" } }),
  ],
  [
    "a schema that holds itself",
    jsonSchema({
      type: "object",
      properties: { child: { $ref: "#" } },
      additionalProperties: false,
    }),
  ],
])("for %s, the answer is the input of a tool that must be called", (_what, fields) => {
  const { body, answerTool } = write(fields);
  expect(body).not.toHaveProperty("output_config");
  expect(body["tools"]).toMatchObject([{ name: answerTool }]);
  expect(body["tool_choice"]).toEqual({ type: "tool", name: answerTool });
});

test("beside the client's tools, the model calls one of them or gives its answer", () => {
  const { body, answerTool } = write({
    model: "claude-3-5-haiku-20241022",
    tools: [fn("give_answer")],
    ...jsonSchema(),
  });
  expect(answerTool).toBe("give_answer_");
  expect(body["tools"]).toMatchObject([{ name: "give_answer" }, { name: "give_answer_" }]);
  expect(body["tool_choice"]).toEqual({ type: "any" });
});

test("a JSON object without a schema is asked for in words", () => {
  const { body } = write({
    messages: [system("Be brief."), user("Hi")],
    response_format: { type: "json_object" },
  });
  expect(body["system"]).toMatch(/^Be brief\.\n.*JSON object/);
  expect(body).not.toHaveProperty("output_config");
});
