import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { expect } from "vitest";

import { user } from "../ask.ts";
import type { Cell, Feature } from "../cell.ts";
import { errorProvider } from "../stage.ts";
import { failureOf } from "../sdk-failures.ts";

const retryAfterSeconds = "7";

interface Kind {
  readonly status: number;
  /** What the client sees: the vendor's own 4xx, and 502 for whatever is the vendor's fault. */
  readonly seen: readonly number[];
  readonly openAi: unknown;
  readonly anthropic: unknown;
  /** Anthropic's types of error that fit. */
  readonly types: readonly string[];
}

const kinds: readonly Kind[] = [
  {
    status: 400,
    seen: [400],
    openAi: OpenAI.BadRequestError,
    anthropic: Anthropic.BadRequestError,
    types: ["invalid_request_error"],
  },
  {
    status: 401,
    seen: [401],
    openAi: OpenAI.AuthenticationError,
    anthropic: Anthropic.AuthenticationError,
    types: ["authentication_error"],
  },
  {
    status: 404,
    seen: [404],
    openAi: OpenAI.NotFoundError,
    anthropic: Anthropic.NotFoundError,
    types: ["not_found_error"],
  },
  {
    status: 429,
    seen: [429],
    openAi: OpenAI.RateLimitError,
    anthropic: Anthropic.RateLimitError,
    types: ["rate_limit_error"],
  },
  ...[500, 503, 529].map((status) => ({
    status,
    seen: [502, 503, 529],
    openAi: OpenAI.InternalServerError,
    anthropic: Anthropic.InternalServerError,
    types: ["api_error", "overloaded_error"],
  })),
];

export const errorKinds: Feature = {
  name: "error kinds",
  test: async (cell) => {
    for (const kind of kinds) await refuse(cell, kind);
    return "ok";
  },
};

async function refuse({ stage, vendor, clientName, mode }: Cell, kind: Kind): Promise<void> {
  const { status } = kind;
  const message = `Nope, says the vendor with ${status}. Ünd: 東京`;
  stage.play((response) => {
    const waits = status === 429 ? { "retry-after": retryAfterSeconds } : {};
    response.writeHead(status, { "content-type": "application/json", ...waits });
    response.end(JSON.stringify(vendor.errorBody({ status, message })));
  });
  const client = stage.client(
    clientName,
    errorProvider(vendor, { status, client: clientName, mode }),
  );
  const error = await failureOf(client.ask({ turns: [user("Hi")] }, mode));
  expect(error).toBeInstanceOf(clientName === "openai" ? kind.openAi : kind.anthropic);
  const thrown = error as InstanceType<typeof OpenAI.APIError | typeof Anthropic.APIError>;
  expect(kind.seen).toContain(thrown.status);
  expect(thrown.message).toContain(message);
  expect(thrown.message).not.toContain("sk-upstream");
  expect(thrown.requestID).toMatch(/^[0-9A-Z]{26}$/);
  if (status === 429) {
    expect((thrown.headers as Headers).get("retry-after")).toBe(retryAfterSeconds);
  }
  if (thrown instanceof OpenAI.APIError) {
    expect(thrown.error).toMatchObject({ message: expect.stringContaining(message) as unknown });
    expect([null, "string"]).toContain(thrown.code === null ? null : typeof thrown.code);
    expect(typeof thrown.type).toBe("string");
    return;
  }
  expect(thrown.error).toMatchObject({
    type: "error",
    error: { type: expect.anything() as unknown },
  });
  expect(kind.types).toContain(thrown.type);
}
