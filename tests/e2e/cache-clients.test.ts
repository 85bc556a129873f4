import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import Anthropic from "@anthropic-ai/sdk";
import type { AIMessageChunk, UsageMetadata } from "@langchain/core/messages";
import { ChatOpenAI } from "@langchain/openai";
import { Output, generateText, streamText } from "ai";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

import { isExecutable } from "../support/command-exists.ts";
import { startSentinelAndMock } from "../support/sentinel-and-mock.ts";
import type { SentinelAndMock } from "../support/sentinel-and-mock.ts";

/** Clients that nobody here wrote ask everything twice, in both modes: only a header tells them that it was kept. */
let both: SentinelAndMock;
/** `x-sentinel-cache` of each answer that a client got, in order. */
const outcomes: (string | null)[] = [];
let asked = 0;

beforeAll(async () => {
  both = await startSentinelAndMock();
  both.mock.onMessage(/^Say hello/, { content: greeting, usage });
  both.mock.on(
    { userMessage: /^Extract/, responseFormat: "json_schema" },
    { content: JSON.stringify(fete) },
  );
  both.mock.onEmbedding("a sentence", { embedding: vector });
});
afterAll(() => both[Symbol.asyncDispose]());
beforeEach(() => {
  outcomes.length = 0;
});

const greeting = "Hello! Grüße, 你好, 👋🏽. Here is enough text to fill more than one piece.";
const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };
const fete = { name: "Fête", people: ["Ada", "Émilie"] };
const event = z.object({ name: z.string(), people: z.array(z.string()) });
const vector = [0.5, -0.25, 0];
const model = "gpt-4o";

/** The outside of a client: it sees what the client cannot. */
const watchedFetch: typeof fetch = async (...request) => {
  const answer = await fetch(...request);
  outcomes.push(answer.headers.get("x-sentinel-cache"));
  return answer;
};

const newQuestion = (verb = "Say hello"): string => `${verb}, no. ${++asked}`;

type Mode = "whole" | "streamed";

interface Said {
  readonly id: string | undefined;
  readonly text: string;
  readonly finish: string | null | undefined;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
}

interface Client {
  readonly name: string;
  readonly ask: (question: string, mode: Mode) => Promise<Said>;
}

const openai = (): OpenAI => new OpenAI({ ...both.client, maxRetries: 0, fetch: watchedFetch });

const chatOf = (content: string) => ({
  model,
  temperature: 0,
  messages: [{ role: "user" as const, content }],
});

const saidInChat = ({ id, choices: [choice], usage: told }: OpenAI.ChatCompletion): Said => ({
  id,
  text: choice?.message.content ?? "",
  finish: choice?.finish_reason,
  inputTokens: told?.prompt_tokens,
  outputTokens: told?.completion_tokens,
});

const openaiChat: Client = {
  name: "the openai client",
  ask: async (question, mode) => {
    if (mode === "whole")
      return saidInChat(await openai().chat.completions.create(chatOf(question)));
    const options = { stream: true, stream_options: { include_usage: true } } as const;
    const stream = openai().chat.completions.stream({ ...chatOf(question), ...options });
    return saidInChat(await stream.finalChatCompletion());
  },
};

const openaiResponses: Client = {
  name: "the openai client over Responses",
  ask: async (question, mode) => {
    const params = { model, temperature: 0, input: question, store: false };
    const answer =
      mode === "whole"
        ? await openai().responses.create(params)
        : await openai().responses.stream(params).finalResponse();
    const { id, status, usage: told } = answer;
    return {
      id,
      text: answer.output_text || textOfOutput(answer),
      finish: status,
      inputTokens: told?.input_tokens,
      outputTokens: told?.output_tokens,
    };
  },
};

/** The stream's helper does not put `output_text` together. */
const textOfOutput = ({ output }: OpenAI.Responses.Response): string =>
  output
    .flatMap((item) => (item.type === "message" ? item.content : []))
    .map((part) => (part.type === "output_text" ? part.text : ""))
    .join("");

const anthropicMessages: Client = {
  name: "Anthropic's client",
  ask: async (question, mode) => {
    const { sentinel } = both;
    const client = new Anthropic({
      baseURL: sentinel.url,
      apiKey: sentinel.apiKey,
      maxRetries: 0,
      fetch: watchedFetch,
    });
    const params = {
      model,
      temperature: 0,
      max_tokens: 100,
      messages: [{ role: "user" as const, content: question }],
    };
    const message =
      mode === "whole"
        ? await client.messages.create(params)
        : await client.messages.stream(params).finalMessage();
    const {
      input_tokens: input,
      cache_read_input_tokens: read,
      output_tokens: output,
    } = message.usage;
    return {
      id: message.id,
      text: message.content.map((block) => (block.type === "text" ? block.text : "")).join(""),
      finish: message.stop_reason,
      inputTokens: input + (read ?? 0),
      outputTokens: output,
    };
  },
};

const aiSdkModel = () => {
  const options = { includeUsage: true, supportsStructuredOutputs: true, fetch: watchedFetch };
  return createOpenAICompatible({ name: "sentinel", ...both.client, ...options })(model);
};

const aiSdk: Client = {
  name: "Vercel's AI SDK",
  ask: async (prompt, mode) => {
    const request = { model: aiSdkModel(), prompt, temperature: 0 };
    const answer = mode === "whole" ? await generateText(request) : streamText(request);
    const { inputTokens, outputTokens } = await answer.usage;
    return {
      id: (await answer.response).id,
      text: await answer.text,
      finish: await answer.finishReason,
      inputTokens,
      outputTokens,
    };
  },
};

const langchain: Client = {
  name: "LangChain",
  ask: async (question, mode) => {
    const { baseURL, apiKey } = both.client;
    const configuration = { baseURL, fetch: watchedFetch };
    const chat = new ChatOpenAI({ model, temperature: 0, maxRetries: 0, apiKey, configuration });
    const joined = async (): Promise<AIMessageChunk> => {
      const chunks: AIMessageChunk[] = await Array.fromAsync(await chat.stream(question));
      return chunks.reduce((before, chunk) => before.concat(chunk));
    };
    const answer: AIMessageChunk = mode === "whole" ? await chat.invoke(question) : await joined();
    const told = answer.usage_metadata as UsageMetadata | undefined;
    return {
      id: answer.id,
      text: answer.text,
      finish: String(answer.response_metadata["finish_reason"]),
      inputTokens: told?.input_tokens,
      outputTokens: told?.output_tokens,
    };
  },
};

const clients = [openaiChat, openaiResponses, anthropicMessages, aiSdk, langchain];
const modes = ["whole", "streamed"] as const;
const cases = clients.flatMap((client) =>
  modes.flatMap((first) => modes.map((second) => ({ client, name: client.name, first, second }))),
);

test.each(cases)(
  "$name asks $first, and then $second: the same answer but for a header",
  async ({ client, first, second }) => {
    const before = both.mock.getRequests().length;
    const question = newQuestion();
    const made = await client.ask(question, first);
    const again = await client.ask(question, second);
    expect(made).toMatchObject({ text: greeting, outputTokens: 7 });
    expect(made.id).toBeTruthy();
    // Anthropic's stream tells the prompt's tokens first, when OpenAI has not told them yet.
    const isUntold = made.inputTokens === 0;
    expect(again).toEqual(isUntold ? { ...made, inputTokens: again.inputTokens } : made);
    expect(again.inputTokens).toBe(11);
    expect(outcomes).toEqual(["miss", "exact"]);
    expect(both.mock.getRequests()).toHaveLength(before + 1);
  },
);

describe("an object that follows a schema", () => {
  test.each(modes)("is one for the openai client, made %s", async (first) => {
    const params = {
      ...chatOf(newQuestion("Extract")),
      response_format: zodResponseFormat(event, "e"),
    };
    const whole = () => openai().chat.completions.parse(params);
    const streamed = () => openai().chat.completions.stream(params).finalChatCompletion();
    const asks = first === "whole" ? [whole, whole, streamed] : [streamed, streamed, whole];
    for (const ask of asks) expect((await ask()).choices[0]?.message.parsed).toEqual(fete);
    expect(outcomes).toEqual(["miss", "exact", "exact"]);
  });

  test("is one for the AI SDK, which checks it", async () => {
    const prompt = newQuestion("Extract");
    const request = { model: aiSdkModel(), prompt, temperature: 0 };
    const output = Output.object({ schema: event });
    expect((await generateText({ ...request, output })).output).toEqual(fete);
    expect((await generateText({ ...request, output })).output).toEqual(fete);
    expect(await streamText({ ...request, output }).output).toEqual(fete);
    expect(outcomes).toEqual(["miss", "exact", "exact"]);
  });

  test("is another answer than the same question's without it", async () => {
    const question = newQuestion("Extract");
    both.mock.onMessage(question, { content: "In prose." });
    const params = { ...chatOf(question), response_format: zodResponseFormat(event, "e") };
    await openai().chat.completions.parse(params);
    const answer = await openai().chat.completions.create(chatOf(question));
    expect(answer.choices[0]?.message.content).toBe("In prose.");
    expect(outcomes).toEqual(["miss", "miss"]);
  });
});

test("embeddings are the same numbers again, and each encoding is an answer of its own", async () => {
  const ask = async (more: object = {}) => {
    const params = { model: "text-embedding-3-small", input: "a sentence", ...more };
    return (await openai().embeddings.create(params)).data[0]?.embedding;
  };
  // The client asks for base64, and hands over numbers.
  expect([await ask(), await ask()]).toEqual([vector, vector]);
  expect(outcomes).toEqual(["miss", "exact"]);
  const floats = { encoding_format: "float" };
  expect([await ask(floats), await ask(floats)]).toEqual([vector, vector]);
  expect(outcomes).toEqual(["miss", "exact", "miss", "exact"]);
});

/** Where `npm test` puts Python's client; without it this test is skipped. */
const python = join(import.meta.dirname, "../../.cache/python/bin/python");

test.skipIf(!isExecutable(python))("OpenAI's Python client cannot tell either", async () => {
  const { baseURL, apiKey } = both.client;
  const { stdout } = await promisify(execFile)(
    python,
    [join(import.meta.dirname, "python/cached.py")],
    {
      env: { OPENAI_BASE_URL: baseURL, OPENAI_API_KEY: apiKey, PYTHONUTF8: "1" },
      timeout: 60_000,
    },
  );
  const seen = JSON.parse(stdout) as {
    readonly pairs: readonly (readonly Record<string, unknown>[])[];
    readonly embedded: readonly Record<string, unknown>[];
  };
  expect(seen.pairs).toHaveLength(4);
  for (const [made, again] of seen.pairs) {
    expect(made).toMatchObject({ cache: "miss", text: greeting, finish_reason: "stop" });
    expect(again).toEqual({ ...made, cache: "exact" });
  }
  const [made, again] = seen.embedded;
  expect(made).toMatchObject({ embedding: vector });
  expect(again).toEqual({ ...made, cache: "exact" });
});
