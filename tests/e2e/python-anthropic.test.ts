import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { isExecutable } from "../support/command-exists.ts";
import { startSentinelAndMock } from "../support/sentinel-and-mock.ts";
import { answerWeather, cities, weatherAnswer } from "../support/weather-mock.ts";

/** Where `npm test` puts Python's clients; without them this test is skipped. */
const python = join(import.meta.dirname, "../../.cache/python/bin/python");
const script = join(import.meta.dirname, "python/messages.py");

test.skipIf(!isExecutable(python))(
  "Anthropic's Python client chats, streams, uses tools, counts and gets the right class of error",
  async () => {
    await using both = await startSentinelAndMock();
    const { mock, sentinel } = both;
    answerWeather(mock);
    const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };
    mock.onMessage("Say hello", { content: greeting, usage });
    mock.onMessage("Think", { content: "42", reasoning: "Six by nine." });
    mock.on(
      { userMessage: "Break off" },
      { content: greeting },
      { chunkSize: 5, latency: 5, truncateAfterChunks: 6 },
    );

    const seen = await runScript({ baseUrl: sentinel.url, apiKey: sentinel.apiKey });

    expect(seen).toMatchObject({
      whole: { text: greeting, stop_reason: "end_turn", usage: [11, 7] },
      streamed: { text: greeting, usage: [11, 7] },
      tools: { stop_reason: "tool_use", cities, text: weatherAnswer },
      thought: [
        ["thinking", "Six by nine."],
        ["text", null],
      ],
      counted: 9,
      wrong_key: {
        class: "AuthenticationError",
        status: 401,
        body: { type: "error", error: { type: "authentication_error" } },
      },
      wrong_model: { class: "NotFoundError", status: 404 },
      broken_off: { body: { type: "error", error: { type: "api_error" } } },
    });
    expect(seen.streamed.pieces).toBeGreaterThan(1);
    expect(seen.broken_off.text).not.toBe("");
    expect(greeting.startsWith(seen.broken_off.text)).toBe(true);
    expect(new Set(seen.models)).toEqual(new Set(["model"]));
    await sentinel.waitForLine(({ request_id }) => request_id === seen.whole.request_id);
  },
);

const greeting = "Hello! Grüße, 你好, 👋🏽. Here is enough text to fill more than one piece.";

interface Seen {
  readonly whole: { readonly request_id: string };
  readonly streamed: { readonly pieces: number };
  readonly models: readonly string[];
  readonly broken_off: { readonly text: string };
}

async function runScript(client: {
  readonly baseUrl: string;
  readonly apiKey: string;
}): Promise<Seen> {
  const { stdout } = await promisify(execFile)(python, [script], {
    env: { ANTHROPIC_BASE_URL: client.baseUrl, ANTHROPIC_API_KEY: client.apiKey, PYTHONUTF8: "1" },
    timeout: 60_000,
  });
  return JSON.parse(stdout) as Seen;
}
