import { expect } from "vitest";

interface AnthropicError {
  readonly type: string;
  readonly error: {
    readonly type: string;
    readonly message: string;
    readonly code: unknown;
    readonly param: unknown;
  };
  readonly request_id: string;
}

/** Checks everything that is true of each error that a client of Anthropic's gets; returns its words. */
export async function anthropicError(
  answer: Response,
  status: number,
): Promise<AnthropicError["error"]> {
  const text = await answer.text();
  expect({ status: answer.status, text }).toMatchObject({ status });
  expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
  const body = JSON.parse(text) as AnthropicError;
  expect(Object.keys(body)).toEqual(["type", "error", "request_id"]);
  expect(body.type).toBe("error");
  expect(body.request_id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
  expect(answer.headers.get("request-id")).toBe(body.request_id);
  expect(answer.headers.get("x-request-id")).toBe(body.request_id);
  expect(Object.keys(body.error)).toEqual(
    expect.arrayContaining(["type", "message", "code", "param"]),
  );
  return body.error;
}
