import fc from "fast-check";
import { expect, test } from "vitest";

import { readErrorBody } from "../../../src/protocol/error-body.ts";

const nothingElse = { type: "invalid_request_error", param: null, code: null };

test("OpenAI's own error is read as it is, other fields included", () => {
  const error = { message: "No.", type: "t", param: "p", code: "c", inner: { kept: [1] } };
  expect(readErrorBody({ error }, 400)).toEqual(error);
});

test.each([
  [
    "Azure's",
    { error: { code: "404", message: "No deployment." } },
    { message: "No deployment.", code: "404" },
  ],
  ["Ollama's", { error: "model not found" }, { message: "model not found" }],
  [
    "vLLM's older",
    { object: "error", message: "Too long.", type: "BadRequestError", code: 400 },
    { message: "Too long.", type: "BadRequestError", code: "400" },
  ],
  [
    "Mistral's",
    { object: "error", message: "No.", type: "invalid", param: null, code: "1500" },
    { message: "No.", type: "invalid", code: "1500" },
  ],
  [
    "Mistral's nested",
    { message: { detail: [{ loc: ["body"], msg: "No." }] } },
    { message: '{"detail":[{"loc":["body"],"msg":"No."}]}' },
  ],
  ["FastAPI's sentence", { detail: "Not Found" }, { message: "Not Found" }],
  [
    "FastAPI's list",
    {
      detail: [
        { loc: ["body", "n"], msg: "too small" },
        { loc: ["body"], msg: "bad" },
      ],
    },
    { message: "body.n: too small; body: bad" },
  ],
  ["a list of anything", { detail: [{ msg: "bad" }, 7] }, { message: "bad; 7" }],
  ["`errors`", { errors: { message: "No." } }, { message: "No." }],
])("%s shape becomes OpenAI's", (_whose, body, expected) => {
  expect(readErrorBody(body, 400)).toMatchObject({ ...nothingElse, ...expected });
});

test.each([
  [401, "authentication_error"],
  [403, "permission_error"],
  [404, "invalid_request_error"],
  [429, "rate_limit_error"],
  [500, "api_error"],
])("an error of status %i without a type has one", (status, type) => {
  expect(readErrorBody({ error: { message: "No." } }, status)?.type).toBe(type);
});

test.each([{}, { message: "" }, { message: null }])(
  "an error without words says so: %j",
  (error) => {
    expect(readErrorBody({ error }, 400)?.message).toBe("The provider gave no reason.");
  },
);

test.each([undefined, null, "text", 5, [], {}, { error: null }, { ok: true }, { error: 5 }])(
  "what is no error body is none: %j",
  (body) => {
    expect(readErrorBody(body, 400)).toBeUndefined();
  },
);

test("whatever a provider sends, what is read has the four fields in their types", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom("error", "detail", "message"), (value, name) => {
      const read = readErrorBody({ [name]: value }, 400);
      if (read === undefined) return;
      expect(typeof read.message).toBe("string");
      expect(read.message).not.toBe("");
      expect(typeof read.type).toBe("string");
      for (const field of [read.param, read.code]) {
        expect(field === null || typeof field === "string").toBe(true);
      }
    }),
  );
});
