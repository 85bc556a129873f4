import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { rejection } from "../support/openai-error.ts";
import { startSentinelAndMock } from "../support/sentinel-and-mock.ts";
import type { SentinelAndMock } from "../support/sentinel-and-mock.ts";

/** Sentinel itself tries once only, so that the client's own retries are seen. */
describe("the official openai client, when something is wrong,", () => {
  let both: SentinelAndMock;
  let client: OpenAI;
  let patientClient: OpenAI;

  beforeAll(async () => {
    both = await startSentinelAndMock({ yaml: { defaults: { retries: 0 } } });
    client = new OpenAI({ ...both.client, maxRetries: 0 });
    patientClient = new OpenAI({ ...both.client, maxRetries: 2 });
    both.mock.onMessage("Say hello", { content: greeting });
  });
  afterAll(() => both[Symbol.asyncDispose]());

  test("throws AuthenticationError for a key that does not exist", async () => {
    const stranger = new OpenAI({ ...both.client, apiKey: "sk-sentinel-unknown", maxRetries: 2 });
    const error = await rejection(stranger.chat.completions.create(ask("Say hello")));
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(error).toMatchObject({ status: 401, code: "invalid_api_key" });
    expect(error.requestID).toMatch(ulid);
    expect(error.message).not.toContain("sk-sentinel-unknown");
  });

  test("throws BadRequestError that names the field Sentinel refuses", async () => {
    const temperature = "hot" as unknown as number;
    const error = await rejection(
      client.chat.completions.create({ ...ask("Say hello"), temperature }),
    );
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ status: 400, param: "temperature" });
    expect(error.requestID).toMatch(ulid);
  });

  test("throws BadRequestError with the provider's own words, field and code", async () => {
    both.mock.onMessage("Too long", {
      error: {
        message: "This model's maximum context length is 128000 tokens.",
        type: "invalid_request_error",
        param: "messages",
        code: "context_length_exceeded",
      },
      status: 400,
    });
    const error = await rejection(client.chat.completions.create(ask("Too long")));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({
      status: 400,
      param: "messages",
      code: "context_length_exceeded",
      type: "invalid_request_error",
    });
    expect(error.message).toContain("This model's maximum context length is 128000 tokens.");
  });

  test("throws NotFoundError for a model that nobody has", async () => {
    const error = await rejection(
      client.chat.completions.create({ ...ask("Say hello"), model: "no-such-model" }),
    );
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ status: 404, code: "model_not_found", param: "model" });
  });

  test("throws NotFoundError for a path that Sentinel does not have", async () => {
    const error = await rejection(client.get("/no/such/path"));
    expect(error).toBeInstanceOf(OpenAI.NotFoundError);
    expect(error).toMatchObject({ status: 404, code: "not_found" });
  });

  test("throws RateLimitError with the provider's retry-after", async () => {
    both.mock.onMessage("Always busy", { ...busy, retryAfter: 7 });
    const error = await rejection(client.chat.completions.create(ask("Always busy")));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
    expect(error.headers?.get("retry-after")).toBe("7");
  });

  test("retries by itself after a 429, and gets its answer", async () => {
    both.mock.on({ userMessage: "Busy once", sequenceIndex: 0 }, { ...busy, retryAfter: 1 });
    both.mock.on({ userMessage: "Busy once" }, { content: greeting });
    const answer = await patientClient.chat.completions.create(ask("Busy once"));
    expect(answer.choices[0]?.message.content).toBe(greeting);
    expect(requestsFor(both, "Busy once")).toBe(2);
  });

  test("throws InternalServerError when the provider fails, and names the attempt in a header", async () => {
    both.mock.onMessage("Broken", { error: { message: "boom" }, status: 500 });
    const error = await rejection(client.chat.completions.create(ask("Broken")));
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(error.headers?.get("x-sentinel-provider")).toBe("openai");
    expect(error.headers?.get("x-sentinel-attempts")).toBe("1");
  });

  test("may leave while it waits for a whole answer, and Sentinel notes that it left", async () => {
    const arrived = Promise.withResolvers<undefined>();
    both.mock.onMessage("Never answered", () => {
      arrived.resolve(undefined);
      return new Promise(() => undefined);
    });
    const leave = new AbortController();
    const asked = client.chat.completions.create(ask("Never answered"), { signal: leave.signal });
    const failed = rejection(asked);
    await arrived.promise;
    leave.abort();
    expect(await failed).toBeInstanceOf(OpenAI.APIUserAbortError);
    const line = await both.sentinel.waitForLine(
      ({ outcome, stream }) => outcome === "client_closed_request" && stream === false,
    );
    expect(line).toMatchObject({ status: 499, path: "/v1/chat/completions" });
  });

  test("may leave in the middle of a stream, and Sentinel notes that it left", async () => {
    both.mock.on(
      { userMessage: "Go on for ever" },
      { content: "word ".repeat(10_000) },
      { chunkSize: 5, streamingProfile: { tps: 200 } },
    );
    const stream = await client.chat.completions.create({ ...ask("Go on for ever"), stream: true });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content != null) break;
    const line = await both.sentinel.waitForLine(
      ({ outcome, stream: isStream }) => outcome === "client_closed_request" && isStream === true,
    );
    expect(line).toMatchObject({ status: 499 });
  });
});

const greeting = "Hello!";
const ulid = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const busy = {
  error: { message: "Rate limit reached.", type: "requests", code: "rate_limit_exceeded" },
  status: 429,
} as const;

const ask = (content: string) => ({
  model: "gpt-4o",
  messages: [{ role: "user" as const, content }],
});

function requestsFor({ mock }: SentinelAndMock, content: string): number {
  return mock.getRequests().filter(({ body }) => JSON.stringify(body).includes(content)).length;
}
