import OpenAI from "openai";
import { expect, test } from "vitest";

import { shareOneUpstream } from "../support/one-upstream.ts";
import {
  chatChunk,
  completion,
  done,
  stream,
  usageChunk,
  whole,
} from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { chunksOf, contentOf, readStream } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

/** The whole answer that a client gets from a provider of this type, and the tokens that were logged for it. */
async function answerOf(type: string, body: object): Promise<{ answer: unknown; logged: unknown }> {
  await using plane = await startOneUpstream({ type, script: whole(body) });
  const response = await plane.chat();
  expect(response.status).toBe(200);
  return { answer: await response.json(), logged: plane.gateway.lines.at(-1) };
}

async function streamOf(type: string, script: Script, fields: object = {}) {
  await using plane = await startOneUpstream({ type, script });
  const client = readStream(await plane.chat({ stream: true, ...fields }));
  const end = await client.toEnd();
  return { end, chunks: chunksOf(client.data), data: client.data, lines: plane.gateway.lines };
}

const withUsage = { stream_options: { include_usage: true } };
const choice = (message: object, finish: string) => ({
  choices: [{ index: 0, message: { role: "assistant", ...message }, finish_reason: finish }],
});

test.each(["groq", "ollama", "openrouter", "together", "vllm", "openai-compatible"])(
  "the thoughts that %s calls `reasoning` are there as `reasoning_content` too",
  async (type) => {
    const { answer } = await answerOf(
      type,
      completion("", choice({ content: "42", reasoning: "Hmm." }, "stop")),
    );
    const message = {
      role: "assistant",
      content: "42",
      reasoning: "Hmm.",
      reasoning_content: "Hmm.",
    };
    expect(answer).toMatchObject({ choices: [{ message }] });

    const script = stream([
      chatChunk({ role: "assistant", reasoning: "Hm" }),
      chatChunk({ reasoning: "m.", content: "" }),
      chatChunk({ content: "42" }),
      chatChunk({}, "stop"),
      done,
    ]);
    const { chunks } = await streamOf(type, script);
    const thoughts = chunks.map((chunk) => chunk.choices[0]?.delta.reasoning_content ?? "");
    expect(thoughts.join("")).toBe("Hmm.");
    expect(contentOf(chunks)).toBe("42");
  },
);

test("an answer of OpenAI's own keeps every word", async () => {
  const odd = completion("", choice({ content: "42", reasoning: "Hmm." }, "eos"));
  expect((await answerOf("openai", odd)).answer).toEqual(odd);
});

test.each([
  ["together", "eos", "stop"],
  ["mistral", "model_length", "length"],
])("%s says %s where OpenAI says %s", async (type, theirs, ours) => {
  const { answer } = await answerOf(type, completion("", choice({ content: "a" }, theirs)));
  expect(answer).toMatchObject({ choices: [{ finish_reason: ours }] });
  const { chunks } = await streamOf(
    type,
    stream([chatChunk({ content: "a" }), chatChunk({}, theirs), done]),
  );
  expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe(ours);
});

test("Groq's usage is found in `x_groq`, and shown to who asked for it, once and last", async () => {
  const usage = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10, queue_time: 0.1 };
  const script = stream([
    chatChunk({ content: "a" }, null, { x_groq: { id: "req_1" } }),
    chatChunk({}, "stop", { x_groq: { id: "req_1", usage } }),
    done,
  ]);
  const asked = await streamOf("groq", script, withUsage);
  expect(asked.chunks.map((chunk) => chunk.usage)).toEqual([undefined, undefined, usage]);
  expect(asked.chunks.at(-1)?.choices).toEqual([]);
  expect(asked.data[1]).toContain('"x_groq":{"id":"req_1","usage"');
  expect(asked.lines.at(-1)).toMatchObject({ input_tokens: 7, output_tokens: 3 });
  const silent = await streamOf("groq", script);
  expect(silent.chunks.some((chunk) => chunk.usage != null)).toBe(false);
  expect(silent.lines.at(-1)).toMatchObject({ input_tokens: 7, output_tokens: 3 });
});

test("where Groq sends its usage twice, the client sees it once", async () => {
  const usage = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };
  const script = stream([
    chatChunk({ content: "a" }, "stop", { x_groq: { usage } }),
    usageChunk(usage),
    done,
  ]);
  const { chunks } = await streamOf("groq", script, withUsage);
  expect(chunks.filter((chunk) => chunk.usage != null)).toHaveLength(1);
});

test("a stream that Groq stops early with an error in `x_groq` is cut", async () => {
  const script = stream([
    chatChunk({ content: "a" }),
    chatChunk({}, null, { x_groq: { error: "over capacity" } }),
    done,
  ]);
  const { end, chunks, data } = await streamOf("groq", script);
  expect(end).toBe("cut");
  expect(chunks.at(-1)?.error?.message).toContain("over capacity");
  expect(data).not.toContain("[DONE]");
});

const hits = { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 };

test.each([
  ["deepseek", { ...hits, prompt_cache_hit_tokens: 6, prompt_cache_miss_tokens: 4 }],
  ["together", { ...hits, cached_tokens: 6 }],
])("what %s read from its cache is counted where OpenAI counts it", async (type, usage) => {
  const expected = { ...usage, prompt_tokens_details: { cached_tokens: 6 } };
  const { answer } = await answerOf(type, completion("a", { usage }));
  expect(answer).toMatchObject({ usage: expected });
  const script = stream([chatChunk({ content: "a" }, "stop"), usageChunk(usage), done]);
  const { chunks } = await streamOf(type, script, withUsage);
  expect(chunks.at(-1)?.usage).toEqual(expected);
});

test("xAI counts reasoning beside the completion; the client sees it inside, as with OpenAI", async () => {
  const details = { completion_tokens_details: { reasoning_tokens: 30 } };
  const apart = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 45, ...details };
  const { answer, logged } = await answerOf("xai", completion("a", { usage: apart }));
  expect(answer).toMatchObject({ usage: { ...apart, completion_tokens: 35 } });
  expect(logged).toMatchObject({ output_tokens: 35 });
  const within = { prompt_tokens: 10, completion_tokens: 35, total_tokens: 45, ...details };
  expect((await answerOf("xai", completion("a", { usage: within }))).answer).toMatchObject({
    usage: within,
  });
});

test("OpenRouter's comments, costs and details go through, and its names with slashes", async () => {
  const usage = { ...hits, cost: 0.95, cost_details: { upstream_inference_cost: 19 } };
  const details = [{ type: "reasoning.text", text: "Hmm." }];
  const script = stream([
    ": OPENROUTER PROCESSING\n\n",
    chatChunk({ role: "assistant", content: "", reasoning: null }, null, { provider: "OpenAI" }),
    ": OPENROUTER PROCESSING\n\n",
    chatChunk({ content: "a", reasoning_details: details }),
    chatChunk({ content: "" }, "stop", { usage }),
    done,
  ]);
  const { end, chunks, data } = await streamOf("openrouter", script, withUsage);
  expect(end).toBe("whole");
  expect(contentOf(chunks)).toBe("a");
  expect(data[0]).toContain('"provider":"OpenAI"');
  expect(data[1]).toContain('"reasoning_details":[{"type":"reasoning.text"');
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
});

test("an error in the middle of OpenRouter's stream reaches OpenAI's own SDK as one", async () => {
  const error = { code: "server_error", message: "Provider disconnected unexpectedly" };
  const script = stream([
    chatChunk({ content: "a" }),
    chatChunk({ content: "" }, "error", { error }),
  ]);
  await using plane = await startOneUpstream({ type: "openrouter", script });
  const client = new OpenAI({ baseURL: `${plane.gateway.url}/v1`, apiKey: plane.gateway.key });
  const read = async (): Promise<string> => {
    let text = "";
    const messages = [{ role: "user" as const, content: "Hi" }];
    for await (const chunk of await client.chat.completions.create({
      model: "m",
      messages,
      stream: true,
    })) {
      text += chunk.choices[0]?.delta.content ?? "";
    }
    return text;
  };
  await expect(read()).rejects.toThrow("Provider disconnected unexpectedly");
});

test.each([
  ["openrouter", "error"],
  ["mistral", "error"],
  ["deepseek", "insufficient_system_resource"],
])("an answer of %s that ends with `%s` is no answer", async (type, reason) => {
  const broken = completion("", choice({ content: "a" }, reason));
  await using plane = await startOneUpstream({
    type,
    script: whole(broken),
    models: { fast: { retries: 0, targets: [{ provider: "test", model: "m" }] } },
  });
  const response = await plane.chat({ model: "fast" });
  expect(response.status).toBe(502);
  expect(await response.json()).toMatchObject({ error: { code: "upstream_error" } });

  const script = stream([chatChunk({ content: "a" }), chatChunk({}, reason), done]);
  const { end, data } = await streamOf(type, script);
  expect(end).toBe("cut");
  expect(data).not.toContain("[DONE]");
});

test("a choice that broke off says why with the provider's own words and status", async () => {
  const error = { code: 429, message: "Slow down." };
  const broken = {
    choices: [{ index: 0, message: { content: "" }, finish_reason: "error", error }],
  };
  await using plane = await startOneUpstream({
    type: "openrouter",
    script: whole(broken),
    models: { fast: { retries: 0, targets: [{ provider: "test", model: "m" }] } },
  });
  const response = await plane.chat({ model: "fast" });
  expect(response.status).toBe(429);
  expect(await response.json()).toMatchObject({ error: { message: "Slow down.", code: "429" } });
});

test("vLLM's tool calls end with `tool_calls`, whatever it says", async () => {
  const calls = [{ id: "x", type: "function", function: { name: "f", arguments: "{}" } }];
  const { answer } = await answerOf("vllm", completion("", choice({ tool_calls: calls }, "stop")));
  expect(answer).toMatchObject({ choices: [{ finish_reason: "tool_calls" }] });
});

test("Mistral's default id for tool calls is none", async () => {
  const call = { id: "null", function: { name: "f", arguments: "{}" } };
  const { answer } = await answerOf(
    "mistral",
    completion("", choice({ content: "", tool_calls: [call, call] }, "tool_calls")),
  );
  const [choices] = (answer as { choices: { message: { tool_calls: { id: string }[] } }[] })
    .choices;
  const ids = choices?.message.tool_calls.map(({ id }) => id) ?? [];
  expect(new Set([...ids, "null"]).size).toBe(3);
});

const filtered = [{ prompt_index: 0, content_filter_results: { hate: { filtered: false } } }];

test("Azure's filter results stay, also in a first chunk without choices", async () => {
  const first = `data: ${JSON.stringify({ id: "", choices: [], prompt_filter_results: filtered })}\n\n`;
  const script = stream([first, chatChunk({ content: "a" }), chatChunk({}, "stop"), done]);
  const { data, end } = await streamOf("azure-openai", script);
  expect(end).toBe("whole");
  expect(JSON.parse(data[0] ?? "")).toEqual({
    id: "",
    choices: [],
    prompt_filter_results: filtered,
  });
  const body = completion("a", { prompt_filter_results: filtered });
  expect((await answerOf("azure-openai", body)).answer).toEqual(body);
});
