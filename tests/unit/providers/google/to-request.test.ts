import { expect, test } from "vitest";

import { call, config, user, write } from "./write-requests.ts";

test("sampling fields go by Gemini's names", () => {
  const fields = {
    temperature: 0,
    top_p: 0.5,
    top_k: 3,
    max_tokens: 5,
    max_completion_tokens: 7,
    stop: "END",
    n: 2,
    seed: 1,
    presence_penalty: 0.1,
    frequency_penalty: 0.2,
    logprobs: true,
    top_logprobs: 2,
  };
  const { body, droppedParams } = write(fields);
  expect(body["generationConfig"]).toEqual({
    temperature: 0,
    topP: 0.5,
    topK: 3,
    maxOutputTokens: 7,
    stopSequences: ["END"],
    candidateCount: 2,
    seed: 1,
    presencePenalty: 0.1,
    frequencyPenalty: 0.2,
    responseLogprobs: true,
    logprobs: 2,
  });
  expect(droppedParams).toEqual([]);
});

test("fields that are null count as not given", () => {
  const fields = {
    temperature: null,
    stop: null,
    tools: null,
    tool_choice: null,
    user: null,
    response_format: null,
  };
  expect(write({ ...fields, reasoning_effort: null })).toMatchObject({
    body: { contents: [{ role: "user", parts: [{ text: "Hi" }] }] },
    droppedParams: [],
  });
  expect(write(fields).body["generationConfig"]).toBeUndefined();
});

test("what Gemini has not is left out and named", () => {
  const fields = {
    user: "u",
    store: true,
    logit_bias: { 1: 2 },
    parallel_tool_calls: false,
    stream: true,
    stream_options: {},
  };
  expect(write(fields).droppedParams).toEqual([
    "user",
    "store",
    "logit_bias",
    "parallel_tool_calls",
  ]);
  expect(write({ parallel_tool_calls: true }).droppedParams).toEqual([]);
});

test("penalties of 0 are none", () => {
  expect(config({ presence_penalty: 0, frequency_penalty: 0, temperature: 0 })).toEqual({
    temperature: 0,
  });
});

test("a search of the web is Google's", () => {
  const { body, droppedParams } = write({ web_search_options: {} });
  expect(body["tools"]).toEqual([{ googleSearch: {} }]);
  expect(droppedParams).toEqual([]);
});

test("an answer in JSON is asked for with a schema that Gemini takes", () => {
  const schema = {
    type: "object",
    properties: { a: { type: "string" } },
    additionalProperties: false,
  };
  const json_schema = { name: "x", strict: true, schema };
  expect(config({ response_format: { type: "json_schema", json_schema } })).toEqual({
    responseMimeType: "application/json",
    responseSchema: { type: "object", properties: { a: { type: "string" } } },
  });
  expect(config({ response_format: { type: "json_object" } })).toEqual({
    responseMimeType: "application/json",
  });
  expect(config({ response_format: { type: "text" } })).toBeUndefined();
});

test.each([
  ["gemini-2.5-flash", "none", { thinkingBudget: 0, includeThoughts: false }],
  ["gemini-2.5-pro", "none", { thinkingBudget: 128, includeThoughts: false }],
  ["gemini-2.5-flash", "minimal", { thinkingBudget: 1024, includeThoughts: true }],
  ["gemini-2.5-pro", "medium", { thinkingBudget: 8192, includeThoughts: true }],
  ["gemini-2.5-flash-lite", "high", { thinkingBudget: 24576, includeThoughts: true }],
  ["gemini-3-pro-preview", "medium", { thinkingLevel: "high", includeThoughts: true }],
  ["gemini-3.1-pro-preview", "medium", { thinkingLevel: "medium", includeThoughts: true }],
  ["gemini-3.1-pro-preview", "none", { thinkingLevel: "low", includeThoughts: false }],
  ["gemini-3-flash-preview", "minimal", { thinkingLevel: "minimal", includeThoughts: true }],
  ["gemini-3.8-flash", "minimal", { thinkingLevel: "low", includeThoughts: true }],
  ["gemini-3.10-flash", "minimal", { thinkingLevel: "low", includeThoughts: true }],
  ["gemini-flash-latest", "xhigh", { thinkingLevel: "high", includeThoughts: true }],
])("%s thinks as much as an effort of %s asks for", (model, reasoning_effort, thinkingConfig) => {
  expect(config({ reasoning_effort }, model)).toEqual({ thinkingConfig });
});

test.each(["gemini-2.0-flash", "gemma-3-27b-it", "gemini-2.5-flash-image"])(
  "%s, which does not think, is not told to",
  (model) => {
    const { body, droppedParams } = write({ reasoning_effort: "high" }, model);
    expect(body["generationConfig"]).toBeUndefined();
    expect(droppedParams).toEqual(["reasoning_effort"]);
  },
);

test.each<[string, object]>([
  [
    "extra_body.google, as Google's own OpenAI API takes them",
    {
      extra_body: {
        google: {
          thinking_config: { thinking_budget: 5, include_thoughts: true },
          cached_content: "cachedContents/1",
        },
      },
    },
  ],
  [
    "google, as OpenAI's SDK for Python merges its extra_body",
    {
      google: {
        thinking_config: { thinking_budget: 5, include_thoughts: true },
        cached_content: "cachedContents/1",
      },
    },
  ],
  [
    "the request itself",
    {
      thinkingConfig: { thinkingBudget: 5, includeThoughts: true },
      cachedContent: "cachedContents/1",
    },
  ],
  [
    "generation_config",
    {
      generation_config: { thinking_config: { thinking_budget: 5, include_thoughts: true } },
      cached_content: "cachedContents/1",
    },
  ],
])("Gemini's own fields are taken from %s", (_place, fields) => {
  const { body, droppedParams } = write(
    { ...fields, reasoning_effort: "high" },
    "gemini-2.5-flash",
  );
  expect(body).toMatchObject({
    cachedContent: "cachedContents/1",
    generationConfig: { thinkingConfig: { thinkingBudget: 5, includeThoughts: true } },
  });
  expect(droppedParams).toEqual([]);
});

test("safety settings pass, and a native schema keeps its names", () => {
  const safety = [{ category: "HARM_CATEGORY_HARASSMENT", threshold: "BLOCK_NONE" }];
  const responseSchema = { type: "object", properties: { first_name: { type: "string" } } };
  const { body } = write({ safety_settings: safety, generationConfig: { responseSchema } });
  expect(body).toMatchObject({ safetySettings: safety, generationConfig: { responseSchema } });
});

test("images are asked for by their modality", () => {
  expect(config({ modalities: ["text", "image"] })).toEqual({
    responseModalities: ["TEXT", "IMAGE"],
  });
  expect(config({ modalities: ["text"] })).toBeUndefined();
});

const weather = {
  type: "function",
  function: {
    name: "weather",
    description: "d",
    strict: true,
    parameters: { type: "object", properties: { city: { type: "string" } } },
  },
};

test("functions are declared, and Google's own tools stand beside them", () => {
  const tools = [
    weather,
    { type: "google_search" },
    { type: "codeExecution" },
    { type: "file_search", file_search: { fileSearchStoreNames: ["s"] } },
    { type: "function", function: { name: "ping" } },
  ];
  expect(write({ tools }).body["tools"]).toEqual([
    {
      functionDeclarations: [
        {
          name: "weather",
          description: "d",
          parameters: { type: "object", properties: { city: { type: "string" } } },
        },
        { name: "ping" },
      ],
    },
    { googleSearch: {} },
    { codeExecution: {} },
    { fileSearch: { fileSearchStoreNames: ["s"] } },
  ]);
});

test.each<[unknown, unknown]>([
  ["auto", { mode: "AUTO" }],
  ["none", { mode: "NONE" }],
  ["required", { mode: "ANY" }],
  [
    { type: "function", function: { name: "weather" } },
    { mode: "ANY", allowedFunctionNames: ["weather"] },
  ],
  [
    {
      type: "allowed_tools",
      allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "weather" } }] },
    },
    { mode: "VALIDATED", allowedFunctionNames: ["weather"] },
  ],
])("the choice of a tool is Gemini's: %j", (tool_choice, functionCallingConfig) => {
  expect(write({ tools: [weather], tool_choice }).body["toolConfig"]).toEqual({
    functionCallingConfig,
  });
});

test("names that Gemini refuses are changed, the same way in every place, and back", () => {
  const names = ["my tool/1", "9lives", "é", "a".repeat(80), "my_tool/1", "my tool_1"];
  const tools = names.map((name) => ({ type: "function", function: { name } }));
  const tool_choice = { type: "function", function: { name: "my tool/1" } };
  const messages = [
    user,
    { role: "assistant", tool_calls: [call("c", "my tool/1", "{}")] },
    { role: "tool", tool_call_id: "c", content: "x" },
  ];
  const { body, names: back } = write({ tools, tool_choice, messages });
  const [{ functionDeclarations: declared }] = body["tools"] as [
    { functionDeclarations: { name: string }[] },
  ];
  const sent = declared.map(({ name }) => name);
  expect(new Set(sent).size).toBe(names.length);
  for (const name of sent) expect(name).toMatch(/^[A-Za-z_][\w.:-]{0,63}$/);
  expect(sent.map((name) => back.toClient(name))).toEqual(names);
  expect(body["toolConfig"]).toEqual({
    functionCallingConfig: { mode: "ANY", allowedFunctionNames: [sent[0]] },
  });
  expect(body["contents"]).toMatchObject([
    {},
    { parts: [{ functionCall: { name: sent[0] } }] },
    { parts: [{ functionResponse: { name: sent[0] } }] },
  ]);
});
