import { expect, test } from "vitest";

import {
  answer,
  blockedPrompt,
  openAiUsage,
  parallelCalls,
  usageMetadata,
} from "../../../fixtures/google/responses.ts";
import { assembled, failureOf, streamed, whole } from "./read-answers.ts";

test("an answer is OpenAI's, with thoughts apart and counted as output", () => {
  const parts = [{ text: "hm", thought: true }, { text: "Hel" }, { text: "lo" }];
  expect(whole(answer(parts, { finishReason: "STOP", usageMetadata }))).toEqual({
    id: "resp-1",
    object: "chat.completion",
    created: expect.any(Number) as number,
    model: "gemini-3-flash-preview",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "Hello", refusal: null, reasoning_content: "hm" },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage: openAiUsage,
  });
});

test("results of Google's own tools count as input", () => {
  const metadata = { promptTokenCount: 3, toolUsePromptTokenCount: 4, candidatesTokenCount: 1 };
  expect(
    whole(answer([{ text: "x" }], { finishReason: "STOP", usageMetadata: metadata })).usage,
  ).toMatchObject({
    prompt_tokens: 7,
    completion_tokens: 1,
    total_tokens: 8,
  });
});

test("usage that Google does not tell is not made up", () => {
  expect(whole(answer([{ text: "x" }], { finishReason: "STOP" }))).not.toHaveProperty("usage");
});

test("calls have ids of their own, arguments as text, and the signature beside them", () => {
  const [choice] = whole(answer(parallelCalls, { finishReason: "STOP" })).choices;
  const calls = choice?.message.tool_calls ?? [];
  expect(choice).toMatchObject({ finish_reason: "tool_calls", message: { content: null } });
  expect(calls).toMatchObject([
    {
      type: "function",
      function: { name: "check_flight", arguments: '{"flight":"AA100"}' },
      extra_content: { google: { thought_signature: "c2lnLUE=" } },
    },
    { type: "function", function: { name: "check_flight", arguments: '{"flight":"BB200"}' } },
  ]);
  expect(calls[1]).not.toHaveProperty("extra_content");
  expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
});

test("an id that Google gives is kept, and one that it gives twice is not", () => {
  const call = { functionCall: { id: "fc-1", name: "f" } };
  const [choice] = whole(answer([call, call], { finishReason: "STOP" })).choices;
  const [first, second] = choice?.message.tool_calls ?? [];
  expect(first).toMatchObject({ id: "fc-1", function: { arguments: "{}" } });
  expect(second?.id).toMatch(/^call_/);
});

test.each([
  ["STOP", "stop"],
  ["MAX_TOKENS", "length"],
  ["SAFETY", "content_filter"],
  ["RECITATION", "content_filter"],
  ["BLOCKLIST", "content_filter"],
  ["PROHIBITED_CONTENT", "content_filter"],
  ["SPII", "content_filter"],
  ["IMAGE_SAFETY", "content_filter"],
  ["SOMETHING_NEW", "stop"],
])("%s is the end that OpenAI calls %s", async (finishReason, expected) => {
  const response = answer([{ text: "x" }], { finishReason });
  expect(whole(response).choices[0]?.finish_reason).toBe(expected);
  expect(assembled(await streamed(response))[0]?.finish_reason).toBe(expected);
});

test.each(["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"])(
  "%s is no answer, and never an empty one",
  async (finishReason) => {
    const response = { candidates: [{ finishReason, index: 0 }], usageMetadata };
    const failure = {
      kind: "provider_rejected",
      status: 502,
      recovery: "retry",
      body: { code: finishReason.toLowerCase() },
    };
    expect(await failureOf(Promise.resolve().then(() => whole(response)))).toMatchObject(failure);
    expect(await failureOf(streamed(answer([{ text: "x" }]), response))).toMatchObject(failure);
  },
);

test("a blocked prompt is a refusal, whole and streamed", async () => {
  const expected = [
    {
      index: 0,
      message: {
        role: "assistant",
        content: null,
        refusal: "Google blocked the prompt (PROHIBITED_CONTENT).",
      },
      logprobs: null,
      finish_reason: "content_filter",
    },
  ];
  const { choices, usage } = whole(blockedPrompt);
  expect(choices).toEqual(expected);
  expect(usage).toMatchObject({ prompt_tokens: 9, completion_tokens: 0 });
  expect(assembled(await streamed(blockedPrompt))).toEqual(expected);
});

test.each([{}, { usageMetadata }, { candidates: [] }, []])(
  "an empty answer is none: %j",
  async (body) => {
    expect(await failureOf(Promise.resolve().then(() => whole(body)))).toMatchObject({
      kind: "upstream_error",
    });
  },
);

test("several candidates are several choices", async () => {
  const responses = [
    answer([{ text: "a" }]),
    answer([{ text: "b" }], { index: 1 }),
    answer([], { finishReason: "STOP" }),
    answer([{ text: "c" }], { index: 1, finishReason: "MAX_TOKENS" }),
  ];
  const choices = whole(responses).choices;
  expect(
    choices.map(({ index, message, finish_reason }) => [index, message.content, finish_reason]),
  ).toEqual([
    [0, "a", "stop"],
    [1, "bc", "length"],
  ]);
  expect(assembled(await streamed(...responses))).toEqual(choices);
});

test("log probabilities have OpenAI's form", () => {
  const logprobsResult = {
    chosenCandidates: [{ token: "é", tokenId: 5, logProbability: -0.5 }],
    topCandidates: [
      {
        candidates: [
          { token: "é", logProbability: -0.5 },
          { token: "e", logProbability: -1 },
        ],
      },
    ],
  };
  const candidate = { content: { parts: [{ text: "é" }] }, finishReason: "STOP", logprobsResult };
  expect(whole({ candidates: [candidate] }).choices[0]?.logprobs).toEqual({
    content: [
      {
        token: "é",
        logprob: -0.5,
        bytes: [195, 169],
        top_logprobs: [
          { token: "é", logprob: -0.5, bytes: [195, 169] },
          { token: "e", logprob: -1, bytes: [101] },
        ],
      },
    ],
    refusal: null,
  });
});

test("images, sources and code that Google ran are kept", async () => {
  const groundingMetadata = { webSearchQueries: ["q"] };
  const parts = [
    { executableCode: { language: "PYTHON", code: "print(1)" } },
    { codeExecutionResult: { outcome: "OUTCOME_OK", output: "1" } },
    { inlineData: { mimeType: "image/png", data: "AAAA" }, thoughtSignature: "c2ln" },
  ];
  const response = {
    candidates: [{ content: { parts }, finishReason: "STOP", groundingMetadata }],
  };
  const { choices } = whole(response);
  expect(choices[0]?.message).toEqual({
    role: "assistant",
    content: "\n```python\nprint(1)\n```\n\n```\n1\n```\n",
    refusal: null,
    images: [
      {
        type: "image_url",
        index: 0,
        image_url: { url: "data:image/png;base64,AAAA" },
        extra_content: { google: { thought_signature: "c2ln" } },
      },
    ],
    grounding_metadata: groundingMetadata,
  });
  expect(assembled(await streamed(response))).toEqual(choices);
});
