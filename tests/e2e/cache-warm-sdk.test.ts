import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import OpenAI from "openai";
import { expect, test } from "vitest";

import { usdText } from "../../src/lib/usd.ts";
import { startSentinel } from "../support/process.ts";
import { runCli } from "../support/run-cli.ts";
import {
  chatChunk,
  completion,
  done,
  startScriptedUpstream,
  stream,
  usageChunk,
  whole,
} from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { adminToken, nanoUsdPer, yaml } from "./redis/fleet.ts";

const usage = { prompt_tokens: 100, completion_tokens: 40, total_tokens: 140 };
const callNanoUsd = 100 * nanoUsdPer.input + 40 * nanoUsdPer.output;

const echo: Script = (response, request, socket) => {
  const { messages } = request.json as { messages: { content: string }[] };
  const said = `You asked: ${messages.at(-1)?.content ?? ""}`;
  const answer =
    request.json?.["stream"] === true
      ? stream([chatChunk({ content: said }), chatChunk({}, "stop"), usageChunk(usage), done])
      : whole(completion(said, { usage }));
  return answer(response, request, socket);
};

test("an app's own client hits what was warmed, whole and streamed, and the books say what that saved", async () => {
  await using folder = await tempFolder();
  await using upstream = await startScriptedUpstream(echo);
  const env = { SENTINEL_ADMIN_TOKEN: adminToken };
  await using sentinel = await startSentinel({
    folder: folder.path,
    yaml: yaml(upstream.baseUrl),
    env,
  });
  const run = (args: readonly string[]) => runCli(args, { cwd: folder.path, env });
  const file = join(folder.path, "prompts.jsonl");
  const body = {
    model: "m",
    temperature: 0,
    max_completion_tokens: 50,
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "And you?" },
    ],
  };
  const lines = ["How are you?", JSON.stringify({ prompt: "Who are you?" }), JSON.stringify(body)];
  await writeFile(file, lines.map((line) => `${line}\n`).join(""));
  const warmed = await run(["cache", "warm", file, "--model", "m", "--json"]);
  expect(warmed.json()).toMatchObject({ stored: 3, failed: 0, cost_usd: usdText(3 * callNanoUsd) });
  upstream.forget();

  const client = new OpenAI({
    baseURL: `${sentinel.url}/v1`,
    apiKey: sentinel.apiKey,
    maxRetries: 0,
  });
  const asked = (content: string) => ({
    temperature: 0,
    messages: [{ role: "user" as const, content }],
    model: "m",
  });
  const answers = [
    await client.chat.completions.create(asked("How are you?")),
    await client.chat.completions.stream({ ...asked("Who are you?") }).finalChatCompletion(),
    await client.chat.completions.create({
      max_completion_tokens: 50,
      temperature: 0,
      model: "m",
      safety_identifier: "somebody",
      messages: [
        { content: "Be brief.", role: "system" },
        { content: "And you?", role: "user" },
      ],
    }),
  ];
  expect(answers.map(({ choices: [choice] }) => choice?.message.content)).toEqual([
    "You asked: How are you?",
    "You asked: Who are you?",
    "You asked: And you?",
  ]);
  expect(upstream.seen).toHaveLength(0);
  const cold = await client.chat.completions.create({
    ...asked("How are you?"),
    max_completion_tokens: 51,
  });
  expect(cold.choices[0]?.message.content).toBe("You asked: How are you?");
  expect(upstream.seen).toHaveLength(1);

  const used = (await run(["usage", "--json"])).json();
  expect(used["totals"]).toMatchObject({
    requests: 7,
    cost_usd: usdText(4 * callNanoUsd),
    cache_hits: 3,
    saved_usd: usdText(3 * callNanoUsd),
    saved_input_tokens: 300,
    saved_output_tokens: 120,
  });
});
