import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { isExecutable } from "../support/command-exists.ts";
import { startSentinelAndMock } from "../support/sentinel-and-mock.ts";
import { answerWeather, cities, weatherAnswer } from "../support/weather-mock.ts";

/** Where `npm test` puts Python's client; without it this test is skipped. */
const python = join(import.meta.dirname, "../../.cache/python/bin/python");
const script = join(import.meta.dirname, "python/chat.py");

test.skipIf(!isExecutable(python))(
  "OpenAI's Python client chats, streams, uses tools, embeds and gets the right class of error",
  async () => {
    await using both = await startSentinelAndMock();
    const { mock } = both;
    answerWeather(mock);
    const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };
    mock.onMessage("Say hello", { content: greeting, usage });
    mock.onEmbedding("a sentence", { embedding: [0.5, -0.25, 0] });
    mock.on(
      { userMessage: "Break off" },
      { content: greeting },
      { chunkSize: 5, latency: 5, truncateAfterChunks: 6 },
    );

    const seen = await runScript(both.client);

    expect(seen).toMatchObject({
      whole: { text: greeting, finish_reason: "stop", total_tokens: 18 },
      streamed: { text: greeting, usage: [18] },
      tools: { cities, text: weatherAnswer },
      embedding: [0.5, -0.25, 0],
      wrong_key: { class: "AuthenticationError", status: 401, code: "invalid_api_key" },
      wrong_type: { class: "BadRequestError", status: 400, param: "temperature" },
      wrong_model: { class: "NotFoundError", status: 404, code: "model_not_found" },
      broken_off: { class: "APIError", status: null, code: "upstream_error" },
    });
    expect(seen.streamed.pieces).toBeGreaterThan(1);
    expect(greeting.startsWith(seen.broken_off.text)).toBe(true);
    await both.sentinel.waitForLine(({ request_id }) => request_id === seen.whole.request_id);
  },
);

const greeting = "Hello! Grüße, 你好, 👋🏽. Here is enough text to fill more than one piece.";

interface Seen {
  readonly whole: { readonly request_id: string };
  readonly streamed: { readonly pieces: number };
  readonly broken_off: { readonly text: string };
}

async function runScript(client: {
  readonly baseURL: string;
  readonly apiKey: string;
}): Promise<Seen> {
  const { stdout } = await promisify(execFile)(python, [script], {
    env: { OPENAI_BASE_URL: client.baseURL, OPENAI_API_KEY: client.apiKey, PYTHONUTF8: "1" },
    timeout: 60_000,
  });
  return JSON.parse(stdout) as Seen;
}
