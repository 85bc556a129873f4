import fc from "fast-check";
import { expect, test } from "vitest";

import { readWarmLine } from "../../../../src/cli/cache/warm-line.ts";
import type { WarmLine, WarmOptions } from "../../../../src/cli/cache/warm-line.ts";
import { exactKey } from "../../../../src/pipeline/cache/key.ts";
import type { CachedEndpoint } from "../../../../src/pipeline/cache/cache-store.ts";

const noOptions: WarmOptions = {
  endpoint: undefined,
  model: undefined,
  system: undefined,
  fields: {},
};
const read = (line: unknown, options: Partial<WarmOptions> = {}): WarmLine =>
  readWarmLine(typeof line === "string" ? line : JSON.stringify(line), {
    ...noOptions,
    ...options,
  });

const chat = { model: "gpt-5", messages: [{ role: "user", content: "Hi" }], temperature: 0 };

test("a request that is written out is sent as it is written", () => {
  const text = `{"messages" : [ {"role":"user","content":"a\\u00e4\\n"} ], "seed": 12345678901234567890,\t"model":"m", "temperature": 0.0}`;
  expect(read(text)).toEqual({ kind: "request", endpoint: "chat", body: text });
  expect(read(`  ${text}\t`)).toEqual({ kind: "request", endpoint: "chat", body: text });
});

test("of a batch's line the body is sent as it is written, to where its url says", () => {
  const body = `{ "input": ["a", "b"],"model":"e", "dimensions":256 }`;
  const wrapped = (url: string) =>
    `{"custom_id":"1","method":"POST","url":${JSON.stringify(url)},"body":  ${body} }`;
  for (const url of ["/v1/embeddings", "https://api.openai.com/v1/embeddings"]) {
    expect(read(wrapped(url))).toEqual({ kind: "request", endpoint: "embeddings", body });
  }
  expect(read({ endpoint: "/v1/chat/completions", body: chat })).toMatchObject({
    endpoint: "chat",
  });
  expect(read({ body: chat })).toMatchObject({ kind: "request", endpoint: "chat" });
});

test("whatever a body holds, in a batch's line and alone it is the same request", () => {
  const content = fc.string({ unit: "grapheme", minLength: 1 });
  const extra = fc.dictionary(
    fc.stringMatching(/^x_[a-z]{1,8}$/),
    fc.jsonValue({ depthSize: "small" }),
  );
  fc.assert(
    fc.property(content, extra, fc.constantFrom(undefined, 1, "\t"), (text, more, indent) => {
      const body = { ...more, ...chat, messages: [{ role: "user", content: text }] };
      const written = JSON.stringify(body, null, indent).replaceAll("\n", " ");
      const alone = read(written);
      const wrapped = read(
        `{"custom_id":${JSON.stringify(text)},"url":"/v1/chat/completions","body":${written}}`,
      );
      expect(alone).toEqual({ kind: "request", endpoint: "chat", body: written });
      expect(wrapped).toEqual(alone);
    }),
  );
});

test("no line makes it throw, and no problem repeats what the line says", () => {
  const secret = "zebra-7731";
  const noise = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.jsonValue().map((value) => JSON.stringify(value)),
    fc.json().map((json) => json.slice(0, -1)),
  );
  const shape = fc.constantFrom(
    (text: string) => `{"prompt":${JSON.stringify(secret)},"${text}":1}`,
    (text: string) => `{"model":"${secret}","messages":"${text}"}`,
    (text: string) => `{"${secret}${text}`,
    (text: string) => `{"body":{"${secret}":1},"url":"${secret}${text}"}`,
    (text: string) => `${text}${secret}`,
    (text: string) => `[${text}"${secret}"`,
  );
  fc.assert(
    fc.property(noise, shape, (text, shaped) => {
      const line = read(shaped(text));
      if (line.kind === "problem") expect(line.problem).not.toContain(secret);
    }),
    { numRuns: 500 },
  );
});

test.each<[CachedEndpoint | undefined, object]>([
  [
    undefined,
    {
      model: "m",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: " What is it? " },
      ],
      temperature: 0,
      max_tokens: 9,
    },
  ],
  [
    "messages",
    {
      model: "m",
      system: "Be brief.",
      messages: [{ role: "user", content: " What is it? " }],
      temperature: 0,
      max_tokens: 9,
    },
  ],
  [
    "responses",
    {
      model: "m",
      instructions: "Be brief.",
      input: " What is it? ",
      temperature: 0,
      max_tokens: 9,
    },
  ],
])("a prompt for %s has the key of the request that an app would send", (endpoint, app) => {
  const options = { model: "m", system: "Be brief.", fields: { max_tokens: 9 } };
  const line = read(" What is it? ", { ...options, ...(endpoint && { endpoint }) });
  if (line.kind !== "request") throw new Error(JSON.stringify(line));
  const keyOf = (text: string) =>
    exactKey({
      tenantId: "acme",
      endpoint: line.endpoint,
      model: "m",
      targets: [{ name: "openai/m" }],
      strategy: "priority",
      pinnedProvider: undefined,
      clientHeaders: {},
      request: { text },
    });
  expect(keyOf(line.body)).toBeDefined();
  expect(keyOf(line.body)).toBe(keyOf(JSON.stringify(app)));
});

test("a prompt's own system prompt goes before the one of the options, and fields go on top", () => {
  const line = read({ prompt: "Hi", system: "A" }, { model: "m", system: "B" });
  expect(line).toMatchObject({ body: expect.stringContaining('"content":"A"') as string });
  const warmer = read("Hi", { model: "m", fields: { temperature: 0.5, model: "n" } });
  expect(warmer).toMatchObject({
    body: '{"model":"n","messages":[{"role":"user","content":"Hi"}],"temperature":0.5}',
  });
});

test("embeddings and completions take prompts too, and no temperature where there is none", () => {
  const model = "m";
  expect(read("Hi", { endpoint: "embeddings", model })).toMatchObject({
    body: '{"model":"m","input":"Hi"}',
  });
  expect(read("Hi", { endpoint: "completions", model })).toMatchObject({
    body: '{"model":"m","prompt":"Hi","temperature":0}',
  });
  expect(
    read({ model: "m", prompt: "Hi", temperature: 0 }, { endpoint: "completions" }),
  ).toMatchObject({ kind: "request", endpoint: "completions" });
});

test.each([
  ["", {}],
  ["  \t ", {}],
])("%j is blank", (line, options) => {
  expect(read(line, options)).toEqual({ kind: "blank" });
});

test.each<[unknown, RegExp, Partial<WarmOptions>?]>([
  ["What is it?", /--model/],
  [{ prompt: "What is it?" }, /--model/],
  [{ prompt: 7 }, /prompt that is text/, { model: "m" }],
  [{ prompt: "" }, /prompt that is text/, { model: "m" }],
  [{ prompt: "a", system: 1 }, /system prompt that is text/, { model: "m" }],
  [{ prompt: "a", model: "m" }, /--endpoint \/v1\/completions/],
  [{ prompt: "a", sistem: "b" }, /leave prompt and system alone/, { model: "m" }],
  [{ model: "e", input: "a" }, /say which with --endpoint/],
  [{ ...chat, messages: [] }, /'messages' must have at least 1/],
  [{ model: "m" }, /'messages' is required/],
  [{ ...chat, temperature: 3 }, /'temperature' must be at most 2/],
  [{ messages: chat.messages }, /'model' is required/],
  [{ url: "/v1/moderations", body: { model: "m", input: "a" } }, /url that is one of/],
  [{ url: 7, body: chat }, /url that is one of/],
  [{ url: "/v1/files", body: chat }, /url that is one of/],
  [{ method: "GET", body: chat }, /POST/],
  [`{"body":{},"body":${JSON.stringify(chat)}}`, /a field twice/],
  ['{"model":"m",', /is no JSON object/],
  ["{name} is here", /is no JSON object/],
  ['[{"model":"m"}]', /begins a JSON list/],
  ["[", /begins a JSON list/],
  [`${'{"a":'.repeat(2_000)}1${"}".repeat(2_000)}`, /nests too deep/],
  ["Hi", /does not take/, { endpoint: "embeddings", model: "e", system: "s" }],
  ["Hi", /'max_tokens' is required/, { endpoint: "messages", model: "c" }],
])("%j is a problem, and is told how to put it right", (line, problem, options = {}) => {
  const found = read(line, options);
  expect(found.kind).toBe("problem");
  expect((found as { problem: string }).problem).toMatch(problem);
});

test.each([
  [{ ...chat, n: 2 }, "several_answers"],
  [{ ...chat, store: true }, "stored_response"],
  [{ ...chat, web_search_options: {} }, "live_data"],
])("%j is not sent, as its answer would not be kept", (line, reason) => {
  expect(read(line)).toEqual({ kind: "uncacheable", reason });
});

test("a request at temperature 1 is kept, since it is sent with the header that asks for it", () => {
  expect(read({ ...chat, temperature: 1 }).kind).toBe("request");
});
