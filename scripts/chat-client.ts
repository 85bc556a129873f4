import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

import OpenAI from "openai";
import { ChatCompletionStream } from "openai/lib/ChatCompletionStream";

/**
 * `npm run client`: OpenAI's own client, unmodified, has a conversation with a tool through a running
 * Sentinel, streamed. It prints what came back and what Sentinel added. Another model, another question:
 * `npm run client -- --model mistral-small-latest "How is the weather in Oslo?"`
 *
 * Address and key are Sentinel's: SENTINEL_URL, and SENTINEL_DEFAULT_KEY or what the first start left in the
 * data directory. OPENAI_BASE_URL and OPENAI_API_KEY are the provider's, and Sentinel's own business.
 */
if (existsSync(".env")) process.loadEnvFile(".env");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { model: { type: "string", default: "gpt-4o-mini" } },
});
const { model } = values;
const question = positionals.join(" ") || "How is the weather in Lisbon? Use the tool.";
const sentinelUrl = process.env["SENTINEL_URL"] ?? "http://127.0.0.1:8000";

const getWeather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in a city, now",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    },
  },
} satisfies OpenAI.ChatCompletionTool;

const weather = { temperature_celsius: 21, sky: "sunny" };
/** A model that keeps calling tools is told off after so many turns. */
const turnsMax = 5;

try {
  await converse(
    new OpenAI({ baseURL: `${sentinelUrl}/v1`, apiKey: await findKey(), maxRetries: 0 }),
  );
} catch (error) {
  console.error(`\n${explain(error)}`);
  process.exitCode = 1;
}

async function converse(client: OpenAI): Promise<void> {
  const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: question }];
  console.log(`${sentinelUrl}, model ${model}\n\nYou    ${question}`);
  for (let turn = 1; turn <= turnsMax; turn++) {
    const message = await ask(client, messages);
    const calls = message.tool_calls ?? [];
    if (calls.length === 0) return;
    messages.push(message);
    for (const call of calls) {
      const content = JSON.stringify(weather);
      console.log(`Tool   answers ${content}`);
      messages.push({ role: "tool", tool_call_id: call.id, content });
    }
  }
}

/** One turn: prints the answer as it comes, then what Sentinel says of it. */
async function ask(
  client: OpenAI,
  messages: OpenAI.ChatCompletionMessageParam[],
): Promise<OpenAI.ChatCompletionMessage> {
  const { data, response } = await client.chat.completions
    .create({
      model,
      messages,
      tools: [getWeather],
      stream: true,
      stream_options: { include_usage: true },
    })
    .withResponse();
  const stream = ChatCompletionStream.fromReadableStream(data.toReadableStream());
  process.stdout.write("Model  ");
  stream.on("content", (piece) => process.stdout.write(piece));
  stream.on("tool_calls.function.arguments.done", (call) => {
    process.stdout.write(`calls ${call.name}(${call.arguments}) `);
  });
  const message = await stream.finalMessage();
  const { prompt_tokens, completion_tokens } = await stream.totalUsage();
  console.log(`\n\n       ${prompt_tokens} tokens in, ${completion_tokens} out`);
  printHeaders(response.headers);
  return message;
}

function printHeaders(headers: Headers): void {
  for (const [name, value] of headers) {
    if (name.startsWith("x-sentinel-")) console.log(`       ${name}: ${value}`);
  }
  const id = headers.get("x-request-id") ?? "";
  console.log(`       x-request-id: ${id}, as in the line that Sentinel logged\n`);
}

async function findKey(): Promise<string> {
  const preset = process.env["SENTINEL_DEFAULT_KEY"];
  if (preset !== undefined && preset !== "") return preset;
  const path = join(process.env["SENTINEL_DATA_DIR"] ?? "data", "credentials.json");
  const { apiKey } = JSON.parse(await readFile(path, "utf8")) as { readonly apiKey?: string };
  if (apiKey === undefined) throw new Error(`${path} holds no key. Set SENTINEL_DEFAULT_KEY.`);
  return apiKey;
}

function explain(error: unknown): string {
  if (error instanceof OpenAI.APIConnectionError) {
    return `Nobody answers at ${sentinelUrl}. Start Sentinel with "npm start", or set SENTINEL_URL.`;
  }
  if (error instanceof OpenAI.APIError) {
    const id = error.requestID ?? "none";
    return `Sentinel answered ${error.message}\nx-request-id: ${id}, as in the line that it logged`;
  }
  if (error instanceof Error && "code" in error && error.code === "ENOENT") {
    return `There is no key yet: start Sentinel once with "npm start" (${error.message}).`;
  }
  return String(error);
}
