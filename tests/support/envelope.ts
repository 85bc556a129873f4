import { expect } from "vitest";

import type { RawAnswer } from "./raw-connection.ts";

/** What an error must say. `param` and `code` are null where nothing is given. */
export interface ExpectedError {
  readonly status: number;
  readonly type?: string;
  readonly code?: string | null;
  readonly param?: string | null;
  readonly message?: RegExp;
}

export interface ErrorEnvelope {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
  readonly [extra: string]: unknown;
}

/** Checks everything that is true of each error answer, and that this one is the expected; returns its words. */
export async function expectError(
  answer: Response | RawAnswer,
  expected: ExpectedError,
): Promise<ErrorEnvelope> {
  const text = typeof answer.text === "string" ? answer.text : await answer.text();
  const { type = "invalid_request_error", code = null, param = null, message = /./ } = expected;
  expect({ status: answer.status, text }).toMatchObject({ status: expected.status });
  expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
  expect(answer.headers.get("x-request-id")).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
  const body = JSON.parse(text) as { error: ErrorEnvelope };
  expect(Object.keys(body)).toEqual(["error"]);
  expect(body.error).toMatchObject({ type, code, param });
  expect(body.error.message).toMatch(message);
  expect(text).not.toMatch(/<html|\bat .*\.(?:ts|js|mjs):\d+|node_modules/i);
  return body.error;
}
