import OpenAI from "openai";
import { expect, test } from "vitest";

import {
  answer,
  badField,
  blockedPrompt,
  event,
  exhausted,
  invalidKey,
  openAiUsage,
  overloaded,
  parallelCalls,
  usageMetadata,
} from "../fixtures/google/responses.ts";
import { shareOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { stream, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

const model = "gemini-3-flash-preview";
const said = answer([{ text: "Hello" }], { finishReason: "STOP", usageMetadata });

const startGoogle = (script: Script, provider: object = {}): Promise<OneUpstream> =>
  startOneUpstream({
    type: "google",
    script,
    provider: { models: [model, "gemini-2.5-flash"], ...provider },
  });

const clientOf = ({ gateway }: OneUpstream): OpenAI =>
  new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });

const user = { role: "user", content: "Hi" } as const;

/** Answers the first request with calls and the others with text, whichever way they are asked. */
const callsThenText: Script = (response, request, socket) => {
  const hasResult = request.body.includes("functionResponse");
  const given = hasResult ? said : answer(parallelCalls, { finishReason: "STOP", usageMetadata });
  const isStream = request.path.includes("streamGenerateContent");
  const script = isStream ? stream([event(given)]) : whole(given);
  return script(response, request, socket);
};

test("a model is asked at its own address, with the key in a header and nowhere else", async () => {
  await using plane = await startGoogle(whole(said));
  const reply = await plane.chat({ model });
  expect(await reply.json()).toMatchObject({
    object: "chat.completion",
    choices: [{ message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }],
    usage: openAiUsage,
  });
  const [seen] = plane.upstream.seen;
  expect(seen?.path).toBe(`/v1/models/${model}:generateContent`);
  expect(seen?.headers).toMatchObject({
    "x-goog-api-key": "sk-upstream",
    "content-type": "application/json",
  });
  expect(seen?.headers).not.toHaveProperty("authorization");
  expect(seen?.json).toEqual({ contents: [{ role: "user", parts: [{ text: "Hi" }] }] });
});

test.each([
  ["../../secret", "..%2F..%2Fsecret"],
  ["a?key=1#b", "a%3Fkey%3D1%23b"],
  ["a%2fb", "a%252fb"],
  ["models/gemini-x", "gemini-x"],
])("a client's name of a model leads to a model and nowhere else: %s", async (name, segment) => {
  await using plane = await startGoogle(whole(said), { models: [name] });
  expect((await plane.chat({ model: name })).status).toBe(200);
  expect(plane.upstream.seen[0]?.path).toBe(`/v1/models/${segment}:generateContent`);
});

test("schemas are cleaned of what Gemini refuses", async () => {
  await using plane = await startGoogle(whole(said));
  const parameters = {
    $schema: "http://json-schema.org/draft-07/schema#",
    type: "object",
    properties: {
      place: { $ref: "#/$defs/place" },
      mode: { const: "fast" },
      n: { type: ["integer", "null"] },
    },
    additionalProperties: false,
    $defs: { place: { type: "string" } },
  };
  const tools = [{ type: "function", function: { name: "f", parameters, strict: true } }];
  expect((await plane.chat({ model, tools })).status).toBe(200);
  expect(plane.upstream.seen[0]?.json?.["tools"]).toEqual([
    {
      functionDeclarations: [
        {
          name: "f",
          parameters: {
            type: "object",
            properties: {
              place: { type: "string" },
              mode: { type: "string", format: "enum", enum: ["fast"] },
              n: { type: "integer", nullable: true },
            },
          },
        },
      ],
    },
  ]);
});

test.each([false, true])(
  "results find the name of their function, and signatures make the round through the SDK (streamed: %j)",
  async (isStream) => {
    await using plane = await startGoogle(callsThenText);
    const client = clientOf(plane);
    const ask = (messages: OpenAI.ChatCompletionMessageParam[]): Promise<OpenAI.ChatCompletion> =>
      isStream
        ? client.chat.completions.stream({ model, messages }).finalChatCompletion()
        : client.chat.completions.create({ model, messages });
    const first = (await ask([user])).choices[0];
    expect(first?.finish_reason).toBe("tool_calls");
    const calls = first?.message.tool_calls ?? [];
    expect(calls).toHaveLength(2);
    const results = calls.map(({ id }, index) => ({
      role: "tool" as const,
      tool_call_id: id,
      content: `r${index}`,
    }));
    if (first === undefined) throw new Error("no choice");
    const second = await ask([user, first.message, ...results]);
    expect(second.choices[0]?.message.content).toBe("Hello");
    const contents = plane.upstream.seen[1]?.json?.["contents"];
    expect(contents).toMatchObject([
      { role: "user" },
      {
        role: "model",
        parts: [
          {
            functionCall: { id: calls[0]?.id, name: "check_flight", args: { flight: "AA100" } },
            thoughtSignature: "c2lnLUE=",
          },
          { functionCall: { id: calls[1]?.id, name: "check_flight", args: { flight: "BB200" } } },
        ],
      },
      {
        role: "user",
        parts: [
          {
            functionResponse: {
              id: calls[0]?.id,
              name: "check_flight",
              response: { result: "r0" },
            },
          },
          {
            functionResponse: {
              id: calls[1]?.id,
              name: "check_flight",
              response: { result: "r1" },
            },
          },
        ],
      },
    ]);
  },
);

test("a client that drops the signature is still answered by Gemini 3", async () => {
  await using plane = await startGoogle(callsThenText);
  const call = { id: "c1", type: "function", function: { name: "f", arguments: "{}" } };
  const messages = [
    user,
    { role: "assistant", content: null, tool_calls: [call] },
    { role: "tool", tool_call_id: "c1", content: "x" },
  ];
  expect((await plane.chat({ model, messages })).status).toBe(200);
  expect(JSON.stringify(plane.upstream.seen[0]?.json)).toContain(
    '"thoughtSignature":"skip_thought_signature_validator"',
  );
});

test("a result of a call that nobody made is the caller's mistake, and goes nowhere", async () => {
  await using plane = await startGoogle(whole(said));
  const reply = await plane.chat({
    model,
    messages: [user, { role: "tool", tool_call_id: "c9", content: "x" }],
  });
  expect(reply.status).toBe(400);
  expect(await reply.json()).toMatchObject({
    error: { param: "messages[1].tool_call_id", code: "invalid_value" },
  });
  expect(plane.upstream.seen).toHaveLength(0);
});

test("usage is there once, at the end, with thoughts in it, and then [DONE]", async () => {
  const early = { ...usageMetadata, candidatesTokenCount: 1, totalTokenCount: 32 };
  const events = [
    event(answer([{ text: "hm", thought: true }], { usageMetadata: early })),
    event(answer([{ text: "Hello" }], { usageMetadata, finishReason: "STOP" })),
  ];
  await using plane = await startGoogle(stream(events));
  const client = readStream(
    await plane.chat({ model, stream: true, stream_options: { include_usage: true } }),
  );
  expect(await client.toEnd()).toBe("whole");
  expect(plane.upstream.seen[0]?.path).toBe(`/v1/models/${model}:streamGenerateContent?alt=sse`);
  expect(client.data.filter((data) => data.includes('"usage":{'))).toHaveLength(1);
  expect(client.data.at(-1)).toBe("[DONE]");
  expect(JSON.parse(client.data.at(-2) ?? "")).toMatchObject({ choices: [], usage: openAiUsage });
  expect(client.text).toContain('"reasoning_content":"hm"');
});

test.each([false, true])(
  "a blocked prompt is filtered content (streamed: %j)",
  async (isStream) => {
    const script = isStream ? stream([event(blockedPrompt)]) : whole(blockedPrompt);
    await using plane = await startGoogle(script);
    const client = clientOf(plane);
    const completion = isStream
      ? await client.chat.completions.stream({ model, messages: [user] }).finalChatCompletion()
      : await client.chat.completions.create({ model, messages: [user] });
    expect(completion.choices).toMatchObject([
      {
        finish_reason: "content_filter",
        message: { refusal: "Google blocked the prompt (PROHIBITED_CONTENT)." },
      },
    ]);
  },
);

test("a numeric code becomes a string, and the field at fault is named", async () => {
  await using plane = await startGoogle(whole(badField, {}, 400));
  const reply = await plane.chat({ model });
  expect(reply.status).toBe(400);
  expect(await reply.json()).toEqual({
    error: {
      message: "Invalid value at 'generation_config.temperature'",
      type: "invalid_request_error",
      param: "generation_config.temperature",
      code: "INVALID_ARGUMENT",
    },
  });
});

test("a key that Google refuses with 400 makes another key serve", async () => {
  const script: Script = (response, request, socket) => {
    const isRefused = request.headers["x-goog-api-key"] === "AIzaSyNotAKey0123456789";
    return (isRefused ? whole([invalidKey], {}, 400) : whole(said))(response, request, socket);
  };
  await using plane = await startGoogle(script, {
    api_keys: ["AIzaSyNotAKey0123456789", "AIzaSyAnother0123456789"],
  });
  for (let round = 0; round < 3; round++) expect((await plane.chat({ model })).status).toBe(200);
});

test("where no other key is there the refusal is a 401, and the key is not shown", async () => {
  const key = "AIzaSyNotAKey0123456789";
  await using plane = await startGoogle(whole(invalidKey, {}, 400), { api_keys: [key] });
  const reply = await plane.chat({ model });
  const text = await reply.text();
  expect(reply.status).toBe(401);
  expect(JSON.parse(text)).toMatchObject({
    error: { code: "invalid_api_key", type: "authentication_error" },
  });
  expect(text).not.toContain(key);
});

test("an account that Google does not serve is no client's fault: another target answers", async () => {
  const refused = {
    error: {
      code: 400,
      message: "User location is not supported for the API use.",
      status: "FAILED_PRECONDITION",
    },
  };
  const script: Script = (response, request, socket) => {
    const isRefused = request.path.includes(model);
    return (isRefused ? whole(refused, {}, 400) : whole(said))(response, request, socket);
  };
  const targets = [model, "gemini-2.5-flash"].map((name) => ({ provider: "test", model: name }));
  await using plane = await startOneUpstream({
    type: "google",
    script,
    provider: { models: [], api_keys: ["AIzaSyOne0123456789", "AIzaSyTwo0123456789"] },
    models: { g: { targets } },
  });
  expect((await plane.chat({ model: "g" })).status).toBe(200);
});

test("an exhausted quota says when to come back", async () => {
  await using plane = await startOneUpstream({
    type: "google",
    script: whole(exhausted, {}, 429),
    provider: { models: [] },
    models: { g: { retries: 0, targets: [{ provider: "test", model }] } },
  });
  const reply = await plane.chat({ model: "g" });
  expect(reply.status).toBe(429);
  expect(reply.headers.get("retry-after-ms")).toBe("12500");
  expect(await reply.json()).toMatchObject({
    error: { code: "RESOURCE_EXHAUSTED", type: "rate_limit_error" },
  });
});

test("an overloaded model is asked again", async () => {
  let count = 0;
  const script: Script = (response, request, socket) =>
    (++count === 1 ? whole(overloaded, {}, 503) : whole(said))(response, request, socket);
  await using plane = await startGoogle(script);
  expect((await plane.chat({ model })).status).toBe(200);
  expect(plane.upstream.seen).toHaveLength(2);
});

test("what Gemini has not is left out, and the answer says so", async () => {
  await using plane = await startGoogle(whole(said));
  const reply = await plane.chat({
    model,
    user: "u",
    store: false,
    parallel_tool_calls: false,
    temperature: 0,
  });
  expect(reply.headers.get("x-sentinel-dropped-params")).toBe("user,store,parallel_tool_calls");
  expect(plane.upstream.seen[0]?.json).toMatchObject({ generationConfig: { temperature: 0 } });
});

test("an image's address is never fetched here: it goes to Google, or is the caller's mistake", async () => {
  await using plane = await startGoogle(whole(said));
  const url = `${plane.upstream.baseUrl}/private.png`;
  const look = (address: string): Promise<Response> =>
    plane.chat({
      model,
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: address } }] }],
    });
  expect((await look(url)).status).toBe(200);
  expect((await look("file:///etc/passwd")).status).toBe(400);
  expect(plane.upstream.seen.map(({ path }) => path)).toEqual([
    `/v1/models/${model}:generateContent`,
  ]);
  expect(plane.upstream.seen[0]?.json).toMatchObject({
    contents: [{ parts: [{ fileData: { fileUri: url, mimeType: "image/png" } }] }],
  });
});

test.each(["/v1/completions", "/v1/responses", "/v1/moderations"])(
  "%s is not there",
  async (path) => {
    await using plane = await startGoogle(whole(said));
    const reply = await plane.gateway.post(path, { model, prompt: "x", input: "x" });
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ error: { code: "unsupported_endpoint" } });
  },
);
