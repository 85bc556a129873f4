import { expect, test } from "vitest";

import { call, contents, faultOf, user, write } from "./write-requests.ts";

test("system and developer messages become the system instruction, wherever they stand", () => {
  const { body } = write({
    messages: [
      { role: "system", content: "A" },
      user,
      { role: "developer", content: [{ type: "text", text: "B" }] },
    ],
  });
  expect(body).toEqual({
    systemInstruction: { parts: [{ text: "A" }, { text: "B" }] },
    contents: [{ role: "user", parts: [{ text: "Hi" }] }],
  });
});

test("a system message alone is what there is to answer", () => {
  expect(write({ messages: [{ role: "system", content: "A" }] }).body).toEqual({
    contents: [{ role: "user", parts: [{ text: "A" }] }],
  });
});

test("Gemma, which has no system instruction, reads it in the conversation", () => {
  const messages = [{ role: "system", content: "A" }, user];
  expect(write({ messages }, "gemma-3-27b-it").body).toEqual({
    contents: [{ role: "user", parts: [{ text: "A" }, { text: "Hi" }] }],
  });
});

test("messages of the same side go into one content", () => {
  const said = [
    user,
    user,
    { role: "assistant", content: "x" },
    { role: "assistant", content: "" },
    user,
  ];
  expect(contents(said)).toEqual([
    { role: "user", parts: [{ text: "Hi" }, { text: "Hi" }] },
    { role: "model", parts: [{ text: "x" }] },
    { role: "user", parts: [{ text: "Hi" }] },
  ]);
});

test("parallel tool results go into one content, named by their calls, as objects", () => {
  const signature = { extra_content: { google: { thought_signature: "c2ln" } } };
  const said = [
    user,
    {
      role: "assistant",
      content: null,
      tool_calls: [call("c1", "one", '{"a":1}', signature), call("c2", "two", "")],
    },
    { role: "tool", tool_call_id: "c2", content: "plain" },
    { role: "tool", tool_call_id: "c1", content: '{"b":2}' },
    { role: "user", content: "and?" },
  ];
  expect(contents(said)).toEqual([
    { role: "user", parts: [{ text: "Hi" }] },
    {
      role: "model",
      parts: [
        { functionCall: { id: "c1", name: "one", args: { a: 1 } }, thoughtSignature: "c2ln" },
        { functionCall: { id: "c2", name: "two", args: {} } },
      ],
    },
    {
      role: "user",
      parts: [
        { functionResponse: { id: "c2", name: "two", response: { result: "plain" } } },
        { functionResponse: { id: "c1", name: "one", response: { b: 2 } } },
        { text: "and?" },
      ],
    },
  ]);
});

test("a result with an id that a double cannot hold stays text, and so does one that nests without end", () => {
  const nested = `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`;
  const results = [
    '{"id":1234567890123456789}',
    '{"id":"1234567890123456789"}',
    nested,
    '{"n":0.1}',
  ];
  const said = [
    user,
    { role: "assistant", tool_calls: results.map((_, index) => call(`c${index}`, "f", "null")) },
    ...results.map((content, index) => ({ role: "tool", tool_call_id: `c${index}`, content })),
  ];
  const [, asked, told] = contents(said) as { parts: object[] }[];
  expect(asked?.parts[1]).toEqual({ functionCall: { id: "c1", name: "f", args: {} } });
  expect(told?.parts).toMatchObject(
    [{ result: results[0] }, { id: "1234567890123456789" }, { result: nested }, { n: 0.1 }].map(
      (response) => ({ functionResponse: { response } }),
    ),
  );
});

test.each([
  ["gemini-3-pro-preview", "skip_thought_signature_validator"],
  ["gemini-flash-latest", "skip_thought_signature_validator"],
  ["models/gemini-3.1-pro-preview", "skip_thought_signature_validator"],
  ["gemini-2.5-flash", undefined],
])("a call without a signature is sent to %s with %s", (model, expected) => {
  const calls = [call("c1", "one", "{}"), call("c2", "one", "{}")];
  const said = [
    user,
    { role: "assistant", tool_calls: calls },
    { role: "tool", tool_call_id: "c1", content: "" },
  ];
  const [, step] = contents(said, model) as { parts: { thoughtSignature?: string }[] }[];
  expect(step?.parts.map((part) => part.thoughtSignature)).toEqual([expected, undefined]);
});

test("a message's own signature comes back on its text, or on an empty one", () => {
  const extra_content = { google: { thought_signature: "c2ln" } };
  const said = [user, { role: "assistant", content: "x", extra_content }];
  expect(contents(said)).toContainEqual({
    role: "model",
    parts: [{ text: "x", thoughtSignature: "c2ln" }],
  });
  const silent = [user, { role: "assistant", content: null, extra_content }];
  expect(contents(silent)).toContainEqual({
    role: "model",
    parts: [{ text: "", thoughtSignature: "c2ln" }],
  });
});

test("images in a tool's result go inside it for Gemini 3, and after it for older models", () => {
  const result = [
    { type: "text", text: "seen" },
    { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
  ];
  const said = [
    user,
    { role: "assistant", tool_calls: [call("c1", "look", "{}")] },
    { role: "tool", tool_call_id: "c1", content: result },
  ];
  const image = { inlineData: { mimeType: "image/png", data: "AAAA" } };
  const response = { id: "c1", name: "look", response: { result: "seen" } };
  expect((contents(said) as unknown[])[2]).toEqual({
    role: "user",
    parts: [{ functionResponse: { ...response, parts: [image] } }],
  });
  expect((contents(said, "gemini-2.5-pro") as unknown[])[2]).toEqual({
    role: "user",
    parts: [{ functionResponse: response }, image],
  });
});

test.each<[string, object, object]>([
  [
    "an image",
    { type: "image_url", image_url: { url: "data:image/JPEG;base64,AA==" } },
    { inlineData: { mimeType: "image/jpeg", data: "AA==" } },
  ],
  [
    "an address",
    { type: "image_url", image_url: "https://a.example/b.png?c" },
    { fileData: { fileUri: "https://a.example/b.png?c", mimeType: "image/png" } },
  ],
  [
    "an address without an extension",
    { type: "image_url", image_url: { url: "https://a.example/b" } },
    { fileData: { fileUri: "https://a.example/b" } },
  ],
  [
    "sound",
    { type: "input_audio", input_audio: { data: "AA==", format: "wav" } },
    { inlineData: { mimeType: "audio/wav", data: "AA==" } },
  ],
  [
    "a document",
    { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,AA==" } },
    { inlineData: { mimeType: "application/pdf", data: "AA==" } },
  ],
  [
    "a document without a data URL",
    { type: "file", file: { filename: "a.csv", file_data: "AA==" } },
    { inlineData: { mimeType: "text/csv", data: "AA==" } },
  ],
  [
    "a video",
    { type: "video_url", video_url: { url: "data:video/mp4;base64,AA==" } },
    { inlineData: { mimeType: "video/mp4", data: "AA==" } },
  ],
  [
    "a data URL in plain text",
    { type: "file", file: { file_data: "data:,a%20b" } },
    { inlineData: { mimeType: "text/plain", data: "YSBi" } },
  ],
])("%s is sent as Gemini takes it", (_what, part, expected) => {
  expect(contents([{ role: "user", content: [part] }])).toEqual([
    { role: "user", parts: [expected] },
  ]);
});

const inMessage = (part: object): object => ({ messages: [{ role: "user", content: [part] }] });
const asking = { messages: [user, { role: "assistant", tool_calls: [call("c1", "f", "[1]")] }] };

test.each<[string | null, object]>([
  [
    "messages[0].content[0].image_url",
    inMessage({ type: "image_url", image_url: { url: "ftp://a" } }),
  ],
  [
    "messages[0].content[0].image_url",
    inMessage({ type: "image_url", image_url: { url: "file:///etc/passwd" } }),
  ],
  [
    "messages[0].content[0].image_url",
    inMessage({ type: "image_url", image_url: { url: "data:image/png" } }),
  ],
  ["messages[0].content[0].image_url", inMessage({ type: "image_url" })],
  [
    "messages[0].content[0].file.file_data",
    inMessage({ type: "file", file: { file_id: "file-1" } }),
  ],
  ["messages[0].content[0].input_audio", inMessage({ type: "input_audio" })],
  ["messages[0].content[0].type", inMessage({ type: "odd" })],
  ["messages[0].role", { messages: [{ role: "function", content: "x" }] }],
  ["messages[1].tool_calls[0].function.arguments", asking],
  [
    "messages[1].tool_calls[0].function.arguments",
    { messages: [user, { role: "assistant", tool_calls: [call("c", "f", '{"a"')] }] },
  ],
  [
    "messages[1].tool_calls[0].function.arguments",
    {
      messages: [
        user,
        {
          role: "assistant",
          tool_calls: [call("c", "f", `${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`)],
        },
      ],
    },
  ],
  [
    "messages[1].tool_calls[0].function",
    {
      messages: [
        user,
        { role: "assistant", tool_calls: [{ id: "c", type: "custom", custom: {} }] },
      ],
    },
  ],
  [
    "messages[1].tool_call_id",
    { messages: [user, { role: "tool", tool_call_id: "c9", content: "x" }] },
  ],
  ["messages[1].tool_call_id", { messages: [user, { role: "tool", content: "x" }] }],
  ["tools[0].type", { tools: [{ type: "custom", custom: { name: "x" } }] }],
  ["tool_choice", { tool_choice: { type: "function", function: { name: "f" } } }],
  ["tool_choice", { tool_choice: "required" }],
  [
    "tool_choice",
    {
      tools: [{ type: "function", function: { name: "f" } }],
      tool_choice: { type: "function", function: { name: "g" } },
    },
  ],
  ["response_format", { response_format: { type: "grammar" } }],
  [
    "response_format.json_schema.schema",
    { response_format: { type: "json_schema", json_schema: { schema: { $ref: "#/x" } } } },
  ],
  ["modalities", { modalities: ["text", "audio"] }],
  ["functions", { functions: [{ name: "f" }] }],
  ["logprobs", { logprobs: true, stream: true }],
])("the caller is told what is wrong: %s", (param, fields) => {
  expect(faultOf(fields)).toBe(param);
});
