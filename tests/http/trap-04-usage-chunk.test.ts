import OpenAI from "openai";
import { expect, test } from "vitest";

import { until } from "../support/gateway.ts";
import { messages, shareOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import {
  chatChunk,
  completion,
  done,
  stream,
  usageChunk,
  whole,
} from "../support/scripted-upstream.ts";
import { chunksOf, contentOf, readStream } from "../support/stream-client.ts";
import type { ChatChunk } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

const usage = { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9, cost: 1e-7 };
const first = chatChunk({ role: "assistant", content: "a" });
const last = chatChunk({ content: "b" }, "stop");
const lastWithUsage = chatChunk({ content: "b" }, "stop", { usage });
const asksForUsage = { stream_options: { include_usage: true } } as const;

/** A usage chunk with what Sentinel adds at its end; the model has no price here. */
const withCost = (event: string): string =>
  event.replace(/\}\n\n$/, `,"sentinel":${JSON.stringify(unpriced)}}\n\n`);
const unpriced = { cost_usd: "0.000000000", cost_status: "unpriced" };

async function streamed(plane: OneUpstream, fields: object): Promise<readonly string[]> {
  const client = readStream(await plane.chat({ stream: true, ...fields }));
  expect(await client.toEnd()).toBe("whole");
  return client.data;
}

/** How usage came: how often, and whether its chunk was the last and had no choices. */
function usageIn(data: readonly string[]): { times: number; isLast: boolean; chunk?: ChatChunk } {
  const chunks = chunksOf(data);
  const having = chunks.filter((chunk) => chunk.usage != null);
  const [chunk] = having;
  return { times: having.length, isLast: chunk === chunks.at(-1), ...(chunk && { chunk }) };
}

const logged = (plane: OneUpstream): Promise<void> =>
  until("the tokens are logged", () =>
    plane.gateway.lines.some((line) => line["input_tokens"] === 7 && line["output_tokens"] === 2),
  );

/** Where providers put usage, if it is in the stream at all. */
const placements: [string, string[]][] = [
  ["in a chunk of its own, as OpenAI does", [first, last, usageChunk(usage), done]],
  ["in a chunk of its own and no marker after it", [first, last, usageChunk(usage)]],
  ["in the last chunk of the answer, as Mistral and Groq do", [first, lastWithUsage, done]],
  ["before the last chunk", [first, usageChunk(usage), last, done]],
  [
    "in every chunk",
    [
      chatChunk({ content: "a" }, null, { usage: { ...usage, completion_tokens: 1 } }),
      lastWithUsage,
      done,
    ],
  ],
  ["twice", [first, lastWithUsage, usageChunk(usage), done]],
  [
    "with null on the other chunks",
    [chatChunk({ content: "a" }, null, { usage: null }), last, usageChunk(usage), done],
  ],
];

for (const type of ["openai", "openai-compatible"]) {
  test.each(placements)(
    `usage that was asked for comes once, last and without choices (${type} sends it %s)`,
    async (_name, chunks) => {
      await using plane = await startOneUpstream({ type, script: stream(chunks) });
      const data = await streamed(plane, asksForUsage);
      expect(usageIn(data)).toMatchObject({
        times: 1,
        isLast: true,
        chunk: { choices: [], usage },
      });
      expect(data.at(-1)).toBe("[DONE]");
      expect(contentOf(chunksOf(data))).toBe("ab");
      await logged(plane);
    },
  );

  test.each(placements)(
    `usage that nobody asked for is counted and not shown (${type} sends it %s)`,
    async (_name, chunks) => {
      await using plane = await startOneUpstream({ type, script: stream(chunks) });
      const data = await streamed(plane, {});
      expect(usageIn(data).times).toBe(0);
      expect(contentOf(chunksOf(data))).toBe("ab");
      expect(data.at(-1)).toBe("[DONE]");
      await logged(plane);
    },
  );
}

test("OpenAI's usage chunk comes as the bytes that it was, with what it cost at its end", async () => {
  const event = usageChunk(usage).replace("1e-7", "1.0e-7");
  await using plane = await startOneUpstream({ script: stream([first, last, event, done]) });
  const client = readStream(await plane.chat({ stream: true, ...asksForUsage }));
  await client.toEnd();
  expect(client.text).toBe(first + last + withCost(event) + done);
});

test("usage that is moved leaves every other byte of its chunk alone", async () => {
  const fields = `"id":"1","x":12345678901234567890,"created":1.0`;
  const choices = `"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop","y":-0.0}]`;
  const given = `"usage":{"prompt_tokens":7,"cost":1.0e-7}`;
  const event = `data: {${fields},${choices},\ndata: ${given}}\n\n`;
  await using plane = await startOneUpstream({ script: stream([event, done]) });
  const client = readStream(await plane.chat({ stream: true, ...asksForUsage }));
  await client.toEnd();
  expect(client.text).toBe(
    `data: {${fields},${choices}}\n\n${withCost(`data: {${fields},"choices":[],${given}}\n\n`)}${done}`,
  );
});

test("a stream that was given no usage makes none up", async () => {
  await using plane = await startOneUpstream({ script: stream([first, last, done]) });
  expect(usageIn(await streamed(plane, asksForUsage)).times).toBe(0);
  await until("it is logged", () => plane.gateway.lines.some((line) => line["status"] === 200));
  // To the books it is estimated; the client is told nothing that its provider did not say.
  expect(plane.gateway.lines.at(-1)).toHaveProperty("cost_status", "unpriced");
});

test.each([
  ["nothing", {}, { include_usage: true }],
  ["null", { stream_options: null }, { include_usage: true }],
  ["false", { stream_options: { include_usage: false } }, { include_usage: true }],
  ["null inside", { stream_options: { include_usage: null } }, { include_usage: true }],
  [
    "false and other members",
    { stream_options: { include_obfuscation: false, include_usage: false, x: { y: 1 } } },
    { include_obfuscation: false, include_usage: true, x: { y: 1 } },
  ],
])(
  "a client that says %s does not see the usage that Sentinel asks for",
  async (_name, fields, sent) => {
    await using plane = await startOneUpstream({
      script: stream([first, last, usageChunk(usage), done]),
    });
    expect(usageIn(await streamed(plane, fields)).times).toBe(0);
    expect(plane.upstream.seen[0]?.json?.["stream_options"]).toEqual(sent);
  },
);

test("a request for a whole answer is not given stream options", async () => {
  await using plane = await startOneUpstream({ script: whole(completion("a")) });
  await plane.chat({ stream: false });
  expect(plane.upstream.seen[0]?.json).not.toHaveProperty("stream_options");
});

const continuous = [
  chatChunk({ content: "a" }, null, { usage: { ...usage, completion_tokens: 1 } }),
  lastWithUsage,
  usageChunk(usage),
  done,
];

test("`continuous_usage_stats` keeps usage in every chunk", async () => {
  await using plane = await startOneUpstream({ type: "vllm", script: stream(continuous) });
  const options = { include_usage: true, continuous_usage_stats: true };
  const client = readStream(await plane.chat({ stream: true, stream_options: options }));
  await client.toEnd();
  expect(client.text).toBe(continuous.join(""));
  await logged(plane);
});

test("`continuous_usage_stats` without `include_usage` shows none", async () => {
  await using plane = await startOneUpstream({ type: "vllm", script: stream(continuous) });
  const data = await streamed(plane, { stream_options: { continuous_usage_stats: true } });
  expect(usageIn(data).times).toBe(0);
  expect(contentOf(chunksOf(data))).toBe("ab");
});

test("/v1/completions treats usage in the same way", async () => {
  const text = `data: {"choices":[{"index":0,"text":"a","finish_reason":"stop"}]}\n\n`;
  const script = stream([text, usageChunk(usage), done]);
  await using plane = await startOneUpstream({ script });
  const ask = async (fields: object): Promise<string> => {
    const body = { model: "m", prompt: "Hi", stream: true, ...fields };
    const client = readStream(await plane.gateway.post("/v1/completions", body));
    await client.toEnd();
    return client.text;
  };
  expect(await ask({})).toBe(text + done);
  expect(await ask(asksForUsage)).toBe(text + withCost(usageChunk(usage)) + done);
});

test("a stream that is made of a whole answer shows usage only to who asked", async () => {
  await using plane = await startOneUpstream({ script: whole(completion("ab")) });
  expect(usageIn(await streamed(plane, {})).times).toBe(0);
  const asked = usageIn(await streamed(plane, asksForUsage));
  expect(asked).toMatchObject({ times: 1, isLast: true, chunk: { choices: [] } });
});

test("a stream that breaks off after its usage is logged with it, and does not show it", async () => {
  await using plane = await startOneUpstream({ script: stream([first, usageChunk(usage)]) });
  const client = readStream(await plane.chat({ stream: true, ...asksForUsage }));
  expect(await client.toEnd()).toBe("cut");
  expect(usageIn(client.data).times).toBe(0);
  await logged(plane);
});

test("OpenAI's own SDK finds the usage in the last chunk", async () => {
  await using plane = await startOneUpstream({
    type: "openai-compatible",
    script: stream([first, lastWithUsage, done]),
  });
  const client = new OpenAI({ baseURL: `${plane.gateway.url}/v1`, apiKey: plane.gateway.key });
  const chunks = await client.chat.completions.create({
    model: "m",
    messages: [...messages],
    stream: true,
    ...asksForUsage,
  });
  const seen: unknown[] = [];
  for await (const chunk of chunks) seen.push(chunk.usage);
  expect(seen).toEqual([undefined, undefined, usage]);
});
