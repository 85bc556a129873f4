import { expect, test } from "vitest";

import { until } from "../support/gateway.ts";
import { hammer, openFresh } from "../support/drain-crowd.ts";
import { startSentinel } from "../support/process.ts";
import type { SentinelProcess } from "../support/process.ts";
import { chatChunk, done, startScriptedUpstream } from "../support/scripted-upstream.ts";
import type { ScriptedUpstream } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";
import type { StreamClient } from "../support/stream-client.ts";

const streamCount = 100;
/** So many streams are longer than the gateway may wait. */
const endlessCount = 30;
const drainMs = 2_000;
/** What the gateway needs besides to write its last words and flush. */
const graceMs = 3_000;

test("SIGTERM amid a crowd: each stream is whole or says why not, and no accepted connection is dropped", async () => {
  await using upstream = await startScriptedUpstream();
  using streaming = paceStreams(upstream);
  await using sentinel = await startSentinel({ env: environmentFor(upstream, drainMs) });
  const streams = await Promise.all(
    Array.from({ length: streamCount }, (_, index) => startStream(sentinel, index)),
  );
  using hammering = hammer(sentinel.url, 20);
  await until("the hammering is under way", () => hammering.tally.answered > 200);
  const fresh = await openFresh(sentinel.url, 50);
  // While the process stands still, the kernel takes connections that Node has not seen when SIGTERM comes.
  sentinel.kill("SIGSTOP");
  const waiting = await openFresh(sentinel.url, 50);
  streaming.letEnd();
  const startedMs = performance.now();
  sentinel.kill("SIGTERM");
  sentinel.kill("SIGCONT");
  const [freshTally, waitingTally, endings, exit] = await Promise.all([
    fresh.ask(3),
    waiting.ask(0.5),
    Promise.all(streams.map(endingOf)),
    sentinel.exit,
    hammering.over,
  ]);
  const tookMs = performance.now() - startedMs;

  expect(freshTally).toEqual({ answered: 50, refused: 0, broken: 0 });
  expect(waitingTally).toEqual({ answered: 50, refused: 0, broken: 0 });
  expect(hammering.tally.broken).toBe(0);
  expect(endings.filter((ending) => ending === "whole")).toHaveLength(streamCount - endlessCount);
  expect(endings.filter((ending) => ending === "told")).toHaveLength(endlessCount);
  expect(exit).toEqual({ code: 0, signal: null });
  expect(tookMs).toBeLessThan(drainMs + graceMs);
});

test("a gateway that nobody is connected to is gone at once", async () => {
  await using sentinel = await startSentinel();
  sentinel.kill("SIGTERM");
  expect(await sentinel.exit).toEqual({ code: 0, signal: null });
  const [from, to] = ["draining", "stopped"].map((message) => {
    const line = sentinel.lines.find(({ msg }) => msg === message);
    return Date.parse(String(line?.["time"]));
  });
  expect(Number(to) - Number(from)).toBeLessThan(5_000);
});

const environmentFor = (upstream: ScriptedUpstream, drainMax: number) => ({
  OPENAI_BASE_URL: upstream.baseUrl,
  OPENAI_API_KEY: "sk-upstream",
  SENTINEL_DRAIN_TIMEOUT_MS: String(drainMax),
  // Where six test files share two cores, a client may take long to say what it has to say.
  SENTINEL_DRAIN_IDLE_MS: "1000",
});

interface PacedStreams extends Disposable {
  /** From now on those that are to end do so after some more pieces. */
  letEnd(): void;
}

/** Streams of a piece every 100 ms. */
function paceStreams(upstream: ScriptedUpstream): PacedStreams {
  const everyMs = 100;
  const timers = new Set<NodeJS.Timeout>();
  let isEnding = false;
  upstream.listModels(["m"]);
  upstream.answer((response, { json }) => {
    const index = Number(json?.["seed"]);
    const isEndless = index < endlessCount;
    let left = 3 + (index % 10);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chatChunk({ content: "first" }));
    const timer = setInterval(() => {
      if (isEndless || !isEnding || --left > 0) {
        response.write(chatChunk({ content: "more" }));
        return;
      }
      clearInterval(timer);
      response.end(chatChunk({}, "stop") + done);
    }, everyMs);
    timers.add(timer);
    response.once("close", () => {
      clearInterval(timer);
    });
  });
  return {
    letEnd: () => {
      isEnding = true;
    },
    [Symbol.dispose]: () => {
      for (const timer of timers) clearInterval(timer);
    },
  };
}

/** Resolves once the first piece has arrived. */
async function startStream({ url, apiKey }: SentinelProcess, seed: number): Promise<StreamClient> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "m",
      stream: true,
      seed,
      messages: [{ role: "user", content: `Question ${seed}` }],
    }),
  });
  const stream = readStream(response);
  await stream.untilText("first");
  return stream;
}

/** `told` is one that broke off with the event that says why. */
async function endingOf(stream: StreamClient): Promise<string> {
  const how = await stream.toEnd();
  const last = stream.data.at(-1) ?? "";
  if (how === "whole") return last === "[DONE]" ? "whole" : `whole without its end: ${last}`;
  return last.includes('"code":"shutting_down"') ? "told" : `cut after: ${last}`;
}
