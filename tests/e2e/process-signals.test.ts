import { expect, test } from "vitest";

import { startSentinel } from "../support/process.ts";
import type { SentinelProcess } from "../support/process.ts";
import { chatChunk, done, startScriptedUpstream } from "../support/scripted-upstream.ts";
import type { ScriptedUpstream } from "../support/scripted-upstream.ts";

test("SIGTERM lets a running stream finish, takes no new connection, and ends with exit code 0", async () => {
  await using upstream = await startScriptedUpstream();
  const release = holdAfterFirstPiece(upstream);
  await using sentinel = await startSentinel({ env: environmentFor(upstream) });
  const running = await startStream(sentinel);

  sentinel.kill("SIGTERM");
  await sentinel.waitForLine("draining");
  await expect(fetch(`${sentinel.url}/health/live`)).rejects.toThrow();

  release();
  expect(await running.rest()).toBe(chatChunk({ content: "second" }, "stop") + done);
  expect(await sentinel.exit).toEqual({ code: 0, signal: null });
  expect(sentinel.lines.at(-1)).toMatchObject({ msg: "stopped" });
});

test("a stream that outlasts the drain time-out ends with an error event and a cut connection", async () => {
  await using upstream = await startScriptedUpstream();
  holdAfterFirstPiece(upstream);
  await using sentinel = await startSentinel({
    env: { ...environmentFor(upstream), SENTINEL_DRAIN_TIMEOUT_MS: "50" },
  });
  const running = await startStream(sentinel);
  sentinel.kill("SIGTERM");
  await expect(running.rest()).rejects.toThrow();
  expect(running.text()).toContain('"code":"shutting_down"');
  expect(running.text()).not.toContain("[DONE]");
  expect(await sentinel.exit).toEqual({ code: 0, signal: null });
});

test.for(["SIGTERM", "SIGINT"] as const)("a second %s ends the process at once", async (signal) => {
  await using upstream = await startScriptedUpstream();
  holdAfterFirstPiece(upstream);
  await using sentinel = await startSentinel({ env: environmentFor(upstream) });
  const running = await startStream(sentinel);
  sentinel.kill(signal);
  await sentinel.waitForLine("draining");
  sentinel.kill(signal);
  expect(await sentinel.exit).toEqual({ code: 1, signal: null });
  await expect(running.rest()).rejects.toThrow();
});

test("what is kept on disk survives SIGKILL: the key works after the next start", async () => {
  await using first = await startSentinel();
  first.kill("SIGKILL");
  await first.exit;
  const again = { env: { SENTINEL_DATA_DIR: first.dataDir } };
  await using second = await startSentinel(again);
  const response = await fetch(`${second.url}/v1/models`, { headers: authorization(first.apiKey) });
  expect(response.status).toBe(200);
});

const environmentFor = (upstream: ScriptedUpstream) => ({
  OPENAI_BASE_URL: upstream.baseUrl,
  OPENAI_API_KEY: "sk-upstream",
});

const authorization = (key: string) => ({ authorization: `Bearer ${key}` });

/** The upstream sends one piece, and the second and last when the function returned is called. */
function holdAfterFirstPiece(upstream: ScriptedUpstream): () => void {
  const released = Promise.withResolvers<undefined>();
  upstream.listModels(["m"]);
  upstream.answer(async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chatChunk({ content: "first" }));
    await released.promise;
    response.end(chatChunk({ content: "second" }, "stop") + done);
  });
  return () => {
    released.resolve(undefined);
  };
}

interface RunningStream {
  /** What came so far. */
  text(): string;
  /** Reads on to the end; resolves to what came since the first piece. */
  rest(): Promise<string>;
}

/** Resolves once the first piece has arrived. */
async function startStream({ url, apiKey }: SentinelProcess): Promise<RunningStream> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { ...authorization(apiKey), "content-type": "application/json" },
    body: JSON.stringify({
      model: "m",
      stream: true,
      messages: [{ role: "user", content: "Go on" }],
    }),
  });
  if (response.body === null) throw new Error("no body");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const read = async (): Promise<boolean> => {
    const { value, done: isOver } = await reader.read();
    text += value ?? "";
    return !isOver;
  };
  await read();
  const firstLength = text.length;
  return {
    text: () => text,
    rest: async () => {
      while (await read());
      return text.slice(firstLength);
    },
  };
}
