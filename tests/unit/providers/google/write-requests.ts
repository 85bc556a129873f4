import { expect } from "vitest";

import { fromObject } from "../../../../src/lib/json-text.ts";
import { writeRequest } from "../../../../src/providers/google/to-request.ts";
import type { WrittenRequest } from "../../../../src/providers/google/to-request.ts";

export const user = { role: "user", content: "Hi" } as const;

export const write = (fields: object, model = "gemini-3-flash-preview"): WrittenRequest =>
  writeRequest({ request: fromObject({ model, messages: [user], ...fields }), model });

export const contents = (messages: readonly object[], model?: string): unknown =>
  write({ messages }, model).body["contents"];

export const config = (fields: object, model?: string): unknown =>
  write(fields, model).body["generationConfig"];

export const call = (id: string, name: string, args: string, more: object = {}): object => ({
  id,
  type: "function",
  function: { name, arguments: args },
  ...more,
});

/** The field that the caller is told is at fault. */
export function faultOf(fields: object, model?: string): string | null {
  try {
    write(fields, model);
  } catch (error) {
    const { status, body } = error as { status: number; body: { param: string | null } };
    expect(status).toBe(400);
    return body.param;
  }
  throw new Error("nothing was wrong with it");
}
