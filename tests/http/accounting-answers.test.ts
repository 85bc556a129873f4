import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { expect, test } from "vitest";

import { usdText } from "../../src/lib/usd.ts";
import { messages } from "../support/one-upstream.ts";
import { nanoUsdPer, sharePricedUpstream } from "../support/priced-upstream.ts";
import {
  chatChunk,
  completion,
  done,
  stream,
  usageChunk,
  whole,
} from "../support/scripted-upstream.ts";
import { chunksOf, readStream } from "../support/stream-client.ts";

const plane = await sharePricedUpstream();

/** 20 of 100 input tokens from the cache, 7 of 10 output tokens thought. */
const counted = {
  prompt_tokens: 100,
  completion_tokens: 10,
  total_tokens: 110,
  prompt_tokens_details: { cached_tokens: 20 },
  completion_tokens_details: { reasoning_tokens: 7 },
};
const countedNanoUsd = 80 * nanoUsdPer.input + 20 * nanoUsdPer.cached + 10 * nanoUsdPer.output;
const countedInResponses = {
  input_tokens: 100,
  output_tokens: 10,
  total_tokens: 110,
  input_tokens_details: { cached_tokens: 20 },
  output_tokens_details: { reasoning_tokens: 7 },
};
const recorded = {
  input_tokens: 100,
  cached_input_tokens: 20,
  cache_write_tokens: 0,
  output_tokens: 10,
  reasoning_tokens: 7,
  source: "provider",
};

const textAnswer = {
  id: "cmpl-1",
  object: "text_completion",
  created: 1,
  model: "m",
  choices: [{ index: 0, text: "Hello", logprobs: null, finish_reason: "stop" }],
};
const response = (status: string) => ({
  id: "resp_1",
  object: "response",
  created_at: 1,
  model: "m",
  status,
  output: [],
});
const embeddings = {
  object: "list",
  model: "m",
  data: [{ object: "embedding", index: 0, embedding: [0.5, 0.25] }],
};

const wholes: [string, string, object, object, number][] = [
  [
    "chat",
    "/v1/chat/completions",
    { messages },
    completion("Hello", { usage: counted }),
    countedNanoUsd,
  ],
  [
    "completions",
    "/v1/completions",
    { prompt: "Hi" },
    { ...textAnswer, usage: counted },
    countedNanoUsd,
  ],
  [
    "responses",
    "/v1/responses",
    { input: "Hi" },
    { ...response("completed"), usage: countedInResponses },
    countedNanoUsd,
  ],
  [
    "embeddings",
    "/v1/embeddings",
    { input: "Hi" },
    { ...embeddings, usage: { prompt_tokens: 5, total_tokens: 5 } },
    5 * nanoUsdPer.input,
  ],
];

test.each(wholes)(
  "a whole answer of %s says what it cost, and the books hold it",
  async (endpoint, path, body, answer, nanoUsd) => {
    plane.upstream.answer(whole(answer));
    const tenant = await plane.newTenant();
    const got = await tenant.post(path, { model: "m", ...body });
    expect(await got.json()).toEqual(answer);
    expect(got.headers.get("x-sentinel-cost-usd")).toBe(usdText(nanoUsd));
    expect(got.headers.get("x-sentinel-cost-status")).toBe("exact");
    const [record] = await tenant.booksAgree(1);
    expect(record).toMatchObject({
      id: got.headers.get("x-request-id"),
      endpoint,
      stream: false,
      status: 200,
      outcome: "ok",
      cost_nano_usd: nanoUsd,
      cost_status: "exact",
      price: { source: "operator" },
      limits: null,
    });
  },
);

const event = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;

const streams: [string, string, object, string[]][] = [
  [
    "chat",
    "/v1/chat/completions",
    { messages },
    [chatChunk({ content: "Hello" }), chatChunk({}, "stop"), usageChunk(counted), done],
  ],
  [
    "completions",
    "/v1/completions",
    { prompt: "Hi" },
    [
      `data: ${JSON.stringify(textAnswer)}\n\n`,
      `data: ${JSON.stringify({ ...textAnswer, choices: [], usage: counted })}\n\n`,
      done,
    ],
  ],
  [
    "responses",
    "/v1/responses",
    { input: "Hi" },
    [
      event("response.created", { response: response("in_progress") }),
      event("response.output_text.delta", { delta: "Hello" }),
      event("response.completed", {
        response: { ...response("completed"), usage: countedInResponses },
      }),
    ],
  ],
];

test.each(streams)(
  "a stream of %s is billed as its provider counts, cached and reasoning tokens included",
  async (endpoint, path, body, chunks) => {
    plane.upstream.answer(stream(chunks));
    const tenant = await plane.newTenant();
    const got = await tenant.post(path, { model: "m", stream: true, ...body });
    expect(await readStream(got).toEnd()).toBe("whole");
    expect(got.headers.has("x-sentinel-cost-usd")).toBe(false);
    const [record] = await tenant.booksAgree(1);
    expect(record).toMatchObject({
      endpoint,
      stream: true,
      outcome: "ok",
      usage: recorded,
      cost_nano_usd: countedNanoUsd,
      cost_status: "exact",
    });
    expect(record?.ttft_ms).not.toBeNull();
  },
);

const countedStream = stream([chatChunk({ content: "Hello" }, "stop"), usageChunk(counted), done]);

test("the cost stands beside the usage of a stream whose client asked for usage, and OpenAI's client reads it", async () => {
  plane.upstream.answer(countedStream);
  const tenant = await plane.newTenant();
  const client = new OpenAI({ baseURL: `${plane.gateway.url}/v1`, apiKey: tenant.key });
  const chunks = await client.chat.completions.create({
    model: "m",
    messages: [...messages],
    stream: true,
    stream_options: { include_usage: true },
  });
  const got = [];
  for await (const chunk of chunks) got.push(chunk);
  expect(got.filter((chunk) => chunk.usage != null)).toHaveLength(1);
  expect(got.filter((chunk) => "sentinel" in chunk)).toHaveLength(1);
  expect(got.at(-1)).toMatchObject({
    choices: [],
    usage: counted,
    sentinel: { cost_usd: usdText(countedNanoUsd), cost_status: "exact" },
  });
  await tenant.booksAgree(1);
});

test("a client that did not ask gets neither usage nor cost, and is billed exactly all the same", async () => {
  plane.upstream.answer(countedStream);
  const tenant = await plane.newTenant();
  const got = readStream(await tenant.chat({ stream: true }));
  expect(await got.toEnd()).toBe("whole");
  expect(got.data.filter((data) => data === "[DONE]")).toHaveLength(1);
  expect(chunksOf(got.data)).toHaveLength(1);
  expect(got.text).not.toContain("sentinel");
  expect(got.text).not.toContain('"usage":{');
  expect(plane.upstream.seen.at(-1)?.json).toMatchObject({
    stream_options: { include_usage: true },
  });
  const [record] = await tenant.booksAgree(1);
  expect(record).toMatchObject({ cost_nano_usd: countedNanoUsd, cost_status: "exact" });
});

test("a chat's text that talks about usage is left alone", async () => {
  const chunks = [
    chatChunk({ content: '"usage":{"prompt_tokens":9}' }),
    chatChunk({}, "stop"),
    usageChunk(counted),
    done,
  ];
  plane.upstream.answer(stream(chunks));
  const tenant = await plane.newTenant();
  const fields = { stream: true, stream_options: { include_usage: true } };
  const got = readStream(await tenant.chat(fields));
  expect(await got.toEnd()).toBe("whole");
  const [first, , last] = chunksOf(got.data);
  expect(first).not.toHaveProperty("sentinel");
  expect(last).toHaveProperty("sentinel.cost_status", "exact");
});

test("a model without a price is unpriced and never free: totals count it apart", async () => {
  plane.upstream.answer(whole(completion("Hello", { usage: counted })));
  const tenant = await plane.newTenant();
  const got = await tenant.chat({ model: "untold" });
  expect(got.headers.get("x-sentinel-cost-status")).toBe("unpriced");
  await got.json();
  await (await tenant.chat()).json();
  const records = await tenant.booksAgree(2);
  expect(records.map(({ cost_status: status }) => status).toSorted()).toEqual([
    "exact",
    "unpriced",
  ]);
  const unpriced = records.find(({ model }) => model === "untold");
  expect(unpriced).toMatchObject({ usage: recorded, cost_nano_usd: 0, price: null });
});

test("the cost of a stream of an unpriced model is said to be unpriced", async () => {
  plane.upstream.answer(countedStream);
  const tenant = await plane.newTenant();
  const fields = { model: "untold", stream: true, stream_options: { include_usage: true } };
  const got = readStream(await tenant.chat(fields));
  expect(await got.toEnd()).toBe("whole");
  expect(chunksOf(got.data).at(-1)).toHaveProperty("sentinel.cost_status", "unpriced");
});

test("an old server that counts nothing has its answers counted by the tokenizer, whole and streamed", async () => {
  const { usage: _usage, ...uncounted } = completion("Hello there, how are you today?") as {
    usage: object;
  };
  plane.upstream.answer(whole(uncounted));
  const tenant = await plane.newTenant();
  const got = await tenant.chat();
  expect(await got.json()).toEqual(uncounted);
  expect(got.headers.get("x-sentinel-cost-status")).toBe("estimated");
  plane.upstream.answer(
    stream([
      chatChunk({ content: "Hello there, " }),
      chatChunk({ content: "how are you today?" }, "stop"),
      done,
    ]),
  );
  expect(await readStream(await tenant.chat({ stream: true })).toEnd()).toBe("whole");
  const [streamed, full] = await tenant.booksAgree(2);
  expect(full).toMatchObject({ cost_status: "estimated", usage: { source: "estimated" } });
  expect(full?.usage?.output_tokens).toBe(8);
  expect(full?.usage?.input_tokens).toBeGreaterThan(0);
  expect(streamed).toMatchObject({ cost_status: "estimated", usage: { source: "estimated" } });
  expect(streamed?.usage?.output_tokens).toBe(8);
  expect(got.headers.get("x-sentinel-cost-usd")).toBe(full?.cost_usd);
});

const message = {
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-haiku-4-5",
  content: [{ type: "text", text: "Hello" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: {
    input_tokens: 50,
    cache_read_input_tokens: 20,
    cache_creation_input_tokens: 0,
    output_tokens: 10,
  },
};
const messageNanoUsd = 50 * 1_000 + 20 * 100 + 10 * 5_000;
const claude = await sharePricedUpstream({
  type: "anthropic",
  provider: { models: ["claude-haiku-4-5"] },
});

const messageStream = [
  event("message_start", {
    message: {
      ...message,
      content: [],
      stop_reason: null,
      usage: { ...message.usage, output_tokens: 1 },
    },
  }),
  event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
  event("content_block_delta", { index: 0, delta: { type: "text_delta", text: "Hello" } }),
  event("content_block_stop", { index: 0 }),
  event("message_delta", {
    delta: { stop_reason: "end_turn", stop_sequence: null },
    usage: { output_tokens: 10 },
  }),
  event("message_stop", {}),
];

test("messages of Anthropic's own client are billed by the price list, whole and streamed", async () => {
  claude.upstream.answer(whole(message));
  const tenant = await claude.newTenant();
  const client = new Anthropic({ baseURL: claude.gateway.url, apiKey: tenant.key });
  const asked = {
    model: "claude-haiku-4-5",
    max_tokens: 100,
    messages: [{ role: "user" as const, content: "Hi" }],
  };
  const { data, response: raw } = await client.messages.create(asked).withResponse();
  expect(data.usage.input_tokens).toBe(50);
  expect(raw.headers.get("x-sentinel-cost-usd")).toBe(usdText(messageNanoUsd));
  claude.upstream.answer(stream(messageStream));
  const final = await client.messages.stream(asked).finalMessage();
  expect(final.usage.output_tokens).toBe(10);
  const records = await tenant.booksAgree(2);
  const usage = { input_tokens: 70, cached_input_tokens: 20, output_tokens: 10 };
  const wanted = { cost_nano_usd: messageNanoUsd, cost_status: "exact", usage };
  for (const record of records) {
    expect(record).toMatchObject({
      ...wanted,
      endpoint: "messages",
      price: { source: "genai-prices" },
    });
  }
});

test("counting tokens costs nothing and is in the audit", async () => {
  claude.upstream.answer(whole({ input_tokens: 14 }));
  const tenant = await claude.newTenant();
  const client = new Anthropic({ baseURL: claude.gateway.url, apiKey: tenant.key });
  const { data, response: raw } = await client.messages
    .countTokens({ model: "claude-haiku-4-5", messages: [{ role: "user", content: "Hi" }] })
    .withResponse();
  expect(data.input_tokens).toBe(14);
  expect(raw.headers.get("x-sentinel-cost-usd")).toBe(usdText(0));
  const [record] = await tenant.booksAgree(1);
  expect(record).toMatchObject({
    id: raw.headers.get("x-request-id"),
    endpoint: "count_tokens",
    usage: null,
    cost_status: "exact",
  });
});

test("answers to many requests at once add up to the nano-dollar", async () => {
  const tenant = await plane.newTenant();
  plane.upstream.answer((answer, request, socket) => {
    const size = Number((request.json?.["messages"] as { content: string }[])[0]?.content);
    const usage = {
      prompt_tokens: size,
      completion_tokens: 3 * size + 1,
      total_tokens: 4 * size + 1,
    };
    const script =
      request.json?.["stream"] === true
        ? stream([chatChunk({ content: "Hello" }, "stop"), usageChunk(usage), done])
        : whole(completion("Hello", { usage }));
    return script(answer, request, socket);
  });
  const ask = async (index: number): Promise<void> => {
    const fields = { messages: [{ role: "user", content: String(index) }] };
    await (await tenant.chat({ ...fields, stream: index % 2 === 0 })).text();
  };
  await Promise.all(Array.from({ length: 200 }, (_, index) => ask(index)));
  const records = await tenant.booksAgree(200);
  const total = records.reduce((sum, { cost_nano_usd: cost }) => sum + cost, 0);
  const indexes = (199 * 200) / 2;
  expect(total).toBe(indexes * nanoUsdPer.input + (3 * indexes + 200) * nanoUsdPer.output);
});
