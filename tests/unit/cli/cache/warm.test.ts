import { PassThrough, Readable } from "node:stream";

import { expect, test } from "vitest";

import { readLines } from "../../../../src/cli/cache/read-lines.ts";
import { sendWarm } from "../../../../src/cli/cache/send-warm.ts";
import { readWarmLine } from "../../../../src/cli/cache/warm-line.ts";
import { fruitlessMax, warm } from "../../../../src/cli/cache/warm.ts";
import type { WarmEnd, WarmRun } from "../../../../src/cli/cache/warm.ts";
import { answerWith, refuseWith, startScriptedGateway } from "../../../support/scripted-gateway.ts";
import type { ScriptedGateway } from "../../../support/scripted-gateway.ts";

const options = { endpoint: undefined, model: "m", system: undefined, fields: {} };
const quick = { waitMsMax: 5_000, lineMsMax: 5_000, firstMs: 5 };
const budget = { type: "insufficient_quota", code: "budget_exceeded", message: "The day's $5." };
const limited = { type: "rate_limit_error", code: "rate_limit_exceeded" };

const prompts = (count: number): string =>
  Array.from({ length: count }, (_, at) => `prompt ${at + 1}\n`).join("");

function run(
  { url }: Pick<ScriptedGateway, "url">,
  file: string | Readable,
  different: Partial<WarmRun> = {},
): Promise<WarmEnd> {
  const source = typeof file === "string" ? Readable.from([Buffer.from(file)]) : file;
  return warm({
    lines: readLines(source, 1_000_000),
    readLine: (text) => readWarmLine(text, options),
    send: (request) => sendWarm(request, { url, key: "sk-test", headers: {} }),
    concurrency: 4,
    signal: new AbortController().signal,
    closeFile: () => source.destroy(),
    patience: quick,
    ...different,
  });
}

test("what was stored, was there and went past the cache is counted, and the costs add up exactly", async () => {
  const words = ["miss", "exact", "semantic", "bypass"];
  await using gateway = await startScriptedGateway(({ body }, response) => {
    const number = Number(/prompt (\d+)/.exec(body)?.[1]);
    const hit = number % 4 === 1 || number % 4 === 2;
    answerWith(response, words[number % 4] ?? "", { usd: hit ? "0.000000000" : "0.100000001" });
  });
  const { tally, how } = await run(gateway, prompts(400));
  expect(how).toBe("finished");
  expect(tally.toJSON()).toEqual({
    lines: 400,
    stored: 100,
    already_there: { exact: 100, semantic: 100 },
    not_cacheable: { sent: 100, not_sent: 0 },
    failed: 0,
    cost_usd: "20.000000200",
    cost_estimated: 0,
    cost_unpriced: 0,
    cost_unknown: 0,
    failures: [],
  });
});

test("no more requests run at once than are asked for, and that many do", async () => {
  const waiting: (() => void)[] = [];
  await using gateway = await startScriptedGateway((_seen, response) => {
    waiting.push(() => {
      answerWith(response, "miss");
    });
    if (waiting.length === 3) for (const go of waiting.splice(0)) go();
  });
  const { tally } = await run(gateway, prompts(30), { concurrency: 3 });
  expect(tally.stored).toBe(30);
  expect(gateway.mostAtOnce()).toBe(3);
});

test("of a file that does not end only as much is read as is being asked", async () => {
  let made = 0;
  function* endless(): Generator<Buffer> {
    for (;;) yield Buffer.from(`prompt ${++made}\n`.padEnd(1_000, " ") + "\n");
  }
  const stop = new AbortController();
  await using gateway = await startScriptedGateway(({ index }, response) => {
    if (index === 40) stop.abort();
    answerWith(response, "miss");
  });
  const source = Readable.from(endless(), { objectMode: true, highWaterMark: 1 });
  const { tally, how } = await run(gateway, source, { signal: stop.signal });
  expect(how).toBe("interrupted");
  expect(tally.lines).toBeGreaterThanOrEqual(40);
  expect(made).toBeLessThan(gateway.seen.length + 10);
});

test("a line that fails is told by its number and the gateway's code; the others go on", async () => {
  const secret = "prompt 2";
  await using gateway = await startScriptedGateway(({ body }, response) => {
    if (!body.includes(secret)) answerWith(response, "miss");
    else
      refuseWith(response, 400, { message: `Bad: ${secret}`, code: "bad", param: "messages[0]" });
  });
  const told: string[] = [];
  const file = `prompt 1\n${secret}\n{"model":\n{"n":2,"model":"m","messages":[{"role":"user"}]}\nprompt 3\n`;
  const { tally } = await run(gateway, file, {
    onLine: (_tally, failure) => {
      if (failure !== undefined) told.push(`${failure.line} ${failure.what}`);
    },
  });
  expect(told.toSorted()).toEqual([
    "2 failed with 400 bad (param messages[0], request 01KC2J9M4T0000000000000000)",
    expect.stringMatching(/^3 begins with a brace and is no JSON object/),
  ]);
  expect(tally).toMatchObject({ lines: 5, stored: 2, failed: 2, uncacheable: 1 });
  expect(JSON.stringify(tally)).not.toContain(secret);
  expect(gateway.seen).toHaveLength(3);
});

test("what a gateway calls an error is not shown where it could be a sentence", async () => {
  await using gateway = await startScriptedGateway((_seen, response) => {
    refuseWith(response, 400, { code: "You said: hello", type: "a b", param: "x y" });
  });
  const { tally } = await run(gateway, prompts(1));
  expect(tally.failures).toMatchObject([
    { what: "failed with 400 no_reason_given (request 01KC2J9M4T0000000000000000)" },
  ]);
});

test("a limit that is reached is waited for as long as the gateway says, by all", async () => {
  let refusedUntilMs = 0;
  let refusals = 0;
  const waitMs = 150;
  await using gateway = await startScriptedGateway(({ index }, response) => {
    const nowMs = performance.now();
    if (index === 8) refusedUntilMs = nowMs + waitMs - 10;
    if (nowMs >= refusedUntilMs) {
      answerWith(response, "miss");
      return;
    }
    refusals++;
    refuseWith(response, 429, limited, { "retry-after-ms": String(waitMs), "retry-after": "1" });
  });
  const { tally, how } = await run(gateway, prompts(40));
  expect({ how, stored: tally.stored, failed: tally.failed }).toEqual({
    how: "finished",
    stored: 40,
    failed: 0,
  });
  // Those that ran already, and none of those that waited behind them.
  expect(refusals).toBeLessThanOrEqual(4);
});

test("an hour's wait is not waited for", async () => {
  await using gateway = await startScriptedGateway(({ index }, response) => {
    if (index < 2) answerWith(response, "miss");
    else refuseWith(response, 429, limited, { "retry-after": "3600" });
  });
  const { tally, how, why } = await run(gateway, prompts(1_000), { concurrency: 1 });
  expect(how).toBe("stopped");
  expect(why).toContain("3600 seconds");
  expect(tally).toMatchObject({ lines: 3, stored: 2, failed: 1 });
});

test("a line that is refused again and again fails, and the next one is tried", async () => {
  await using gateway = await startScriptedGateway(({ body }, response) => {
    if (body.includes("prompt 1")) refuseWith(response, 503, { code: "overloaded" });
    else answerWith(response, "miss");
  });
  const patience = { ...quick, lineMsMax: 200 };
  const { tally } = await run(gateway, "prompt 1\nprompt 2\n", { patience });
  expect(tally).toMatchObject({ stored: 1, failed: 1 });
  expect(tally.failures).toMatchObject([{ line: 1, failed: { status: 503, code: "overloaded" } }]);
  expect(gateway.seen.length).toBeGreaterThan(3);
});

test("a refusal that trying again cannot help is not tried again", async () => {
  await using gateway = await startScriptedGateway(({ index }, response) => {
    if (index === 0) refuseWith(response, 429, limited, { "x-should-retry": "false" });
    else refuseWith(response, 429, { type: "insufficient_quota", code: "insufficient_quota" });
  });
  const { tally } = await run(gateway, prompts(2), { concurrency: 1 });
  expect(tally.failed).toBe(2);
  expect(gateway.seen).toHaveLength(2);
});

test.each([
  ["a spent budget", 429, budget, "A budget is spent: The day's $5."],
  ["a key that is refused", 401, { code: "invalid_api_key" }, "does not take the key"],
  [
    "a header that is refused",
    400,
    { code: "invalid_value", param: "x-sentinel-tags", message: "The header is wrong." },
    "The header is wrong.",
  ],
])("%s ends it", async (_what, status, error, why) => {
  await using gateway = await startScriptedGateway(({ index }, response) => {
    if (index < 5) answerWith(response, "miss");
    else refuseWith(response, status, error);
  });
  const ended = await run(gateway, prompts(1_000));
  expect(ended.how).toBe("stopped");
  expect(ended.why).toContain(why);
  expect(ended.tally.stored).toBe(5);
  expect(ended.tally.failed).toBeLessThanOrEqual(4);
  expect(gateway.seen.length).toBeLessThanOrEqual(9);
});

test("a run whose answers all go past the cache stops before it has paid for many", async () => {
  await using gateway = await startScriptedGateway((_seen, response) => {
    answerWith(response, "bypass");
  });
  const { how, why, tally } = await run(gateway, prompts(1_000));
  expect(how).toBe("stopped");
  expect(why).toContain("SENTINEL_CACHE");
  expect(tally.bypassed).toBeLessThan(fruitlessMax + 4);
});

test("a gateway that was never there ends it at once", async () => {
  const { how, unreachable, tally } = await run({ url: "http://127.0.0.1:9" }, prompts(100));
  expect(how).toBe("stopped");
  expect(unreachable).toBeInstanceOf(Error);
  expect(tally.lines).toBe(0);
});

test("a gateway that drops connections for a moment is asked again", async () => {
  await using gateway = await startScriptedGateway(({ index }, response) => {
    if (index >= 4 && index < 8) response.destroy();
    else answerWith(response, "miss");
  });
  const { how, tally } = await run(gateway, prompts(20), { concurrency: 1 });
  expect(how).toBe("finished");
  expect(tally.stored).toBe(20);
});

test("an answer that breaks off has failed, and is not asked for again", async () => {
  await using gateway = await startScriptedGateway((_seen, response) => {
    response.writeHead(200, { "content-type": "text/event-stream", "x-sentinel-cache": "miss" });
    response.write('data: {"choices":[]}\n\n', () => response.destroy());
  });
  const { tally } = await run(gateway, prompts(1));
  expect(tally.failures).toMatchObject([{ line: 1, failed: { status: 200, code: "broken_off" } }]);
  expect(gateway.seen).toHaveLength(1);
});

test("the cost of a stream is in its last chunk, and what a model writes does not look like it", async () => {
  const usage = '"sentinel":{"cost_usd":"0.000000123","cost_status":"estimated"}';
  const written = JSON.stringify({ content: `{${usage.replace("123", "999")}}` });
  await using gateway = await startScriptedGateway(({ index }, response) => {
    response.writeHead(200, { "content-type": "text/event-stream", "x-sentinel-cache": "miss" });
    const events = [
      `data: ${"x".repeat(20_000)}\n\n`,
      `data: {"usage":{},${usage}}\n\n`,
      `data: ${written}\n\n`,
      "data: [DONE]\n\n",
    ];
    response.end(events.filter((_, at) => index === 0 || at !== 1).join(""));
  });
  const { tally } = await run(gateway, prompts(2), { concurrency: 1 });
  expect(tally).toMatchObject({ stored: 2, nanoUsd: 123n, estimated: 1, costUnknown: 1 });
});

test("Ctrl-C lets finish what runs, counts it, and sends nothing further", async () => {
  const stop = new AbortController();
  const waiting: (() => void)[] = [];
  await using gateway = await startScriptedGateway((_seen, response) => {
    waiting.push(() => {
      answerWith(response, "miss");
    });
    if (waiting.length < 4) return;
    stop.abort();
    for (const go of waiting) go();
  });
  const { how, tally } = await run(gateway, prompts(100), { signal: stop.signal });
  expect(how).toBe("interrupted");
  expect(tally).toMatchObject({ lines: 4, stored: 4, failed: 0 });
  expect(gateway.seen).toHaveLength(4);
});

test("Ctrl-C ends a wait for a limit, and a wait for the next line", async () => {
  const stop = new AbortController();
  await using gateway = await startScriptedGateway((_seen, response) => {
    refuseWith(response, 429, limited, { "retry-after": "4" });
    setImmediate(() => {
      stop.abort();
    });
  });
  const slow = new PassThrough();
  slow.write("prompt 1\n");
  const { how, tally } = await run(gateway, slow, { signal: stop.signal });
  expect(how).toBe("interrupted");
  expect(tally.lines).toBe(0);
});

test("a file that cannot be read further ends it with what was done", async () => {
  function* breaking(): Generator<Buffer> {
    yield Buffer.from("prompt 1\nprompt 2\n");
    throw new Error("EIO");
  }
  await using gateway = await startScriptedGateway((_seen, response) => {
    answerWith(response, "miss");
  });
  const ended = await run(gateway, Readable.from(breaking()), { concurrency: 1 });
  expect(ended.how).toBe("stopped");
  expect(ended.unreadable).toMatchObject({ message: "EIO" });
  expect(ended.tally.stored).toBe(2);
});
