import { expect, test } from "vitest";

import { ConfigurationError } from "../../src/config/configuration-error.ts";
import { startGateway } from "../support/gateway.ts";
import { chatBody, impatient, yamlOf } from "../support/one-upstream.ts";
import {
  chatChunk,
  completion,
  done,
  startScriptedUpstream,
  whole,
} from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { shareTargets } from "../support/targets.ts";

const startTargets = shareTargets();

const good = whole(completion("ok"));
const down = whole({ error: { message: "down" } }, {}, 500);
const after =
  (ms: number, script: Script): Script =>
  (response, request, socket) =>
    void setTimeout(() => void script(response, request, socket), ms);
/** Its headers at once, its first event after a while, and the rest after another. */
const slowStream =
  (firstMs: number, restMs = 0): Script =>
  (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    setTimeout(() => {
      response.write(chatChunk({ content: "a" }));
      setTimeout(() => response.end(chatChunk({}, "stop") + done), restMs);
    }, firstMs);
  };
const targetsWith = (...fields: object[]): object[] =>
  fields.map((more, index) => ({ provider: index === 0 ? "one" : "two", model: "m", ...more }));

test("weighted shares out short prompts by weight", async () => {
  const targets = targetsWith({ weight: 3 }, { weight: 1 });
  await using plane = await startTargets(
    { one: good, two: good },
    { alias: { strategy: "weighted", targets } },
  );
  for (let round = 0; round < 200; round++) await plane.ask();
  const { one, two } = plane.counts();
  expect(one + two).toBe(200);
  expect(one).toBeGreaterThan(115); // Six standard deviations from 150.
  expect(one).toBeLessThan(185);
});

test("weighted falls back to the other target", async () => {
  const targets = targetsWith({ weight: 1 }, { weight: 0 });
  await using plane = await startTargets(
    { one: down, two: good },
    { alias: { strategy: "weighted", targets } },
  );
  const answer = await plane.ask();
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-sentinel-provider")).toBe("two");
  expect(answer.headers.get("x-sentinel-attempts")).toBe("2");
});

test("least-latency asks the target whose whole answers come faster", async () => {
  await using plane = await startTargets(
    { one: after(150, good), two: good },
    { alias: { strategy: "least-latency" } },
  );
  for (let round = 0; round < 20; round++) await plane.ask();
  expect(plane.counts()).toEqual({ one: 1, two: 19 });
});

test("least-latency goes by a stream's first event, not by its headers nor by its end", async () => {
  await using plane = await startTargets(
    { one: slowStream(200), two: slowStream(10, 250) },
    { alias: { strategy: "least-latency" } },
  );
  for (let round = 0; round < 6; round++) await plane.ask({ stream: true });
  expect(plane.counts()).toEqual({ one: 1, two: 5 });
});

test("a stream that goes out before its first event is measured by that event all the same", async () => {
  await using plane = await startTargets(
    { one: slowStream(1_000), two: slowStream(600) },
    { alias: { strategy: "least-latency" } },
  );
  for (let round = 0; round < 5; round++) await plane.ask({ stream: true });
  expect(plane.counts()).toEqual({ one: 1, two: 4 });
});

test("least-cost asks the target that is cheaper for this request", async () => {
  const targets = targetsWith(
    { price: { input_per_million_usd: "0.10", output_per_million_usd: 9 } },
    { price: { input_per_million_usd: 0.9, output_per_million_usd: "1" } },
  );
  await using plane = await startTargets(
    { one: good, two: good },
    { alias: { strategy: "least-cost", targets } },
  );
  const messages = [{ role: "user", content: "word ".repeat(2_000) }];
  const reading = await plane.ask({ messages, max_tokens: 5 });
  expect(reading.headers.get("x-sentinel-provider")).toBe("one");
  const writing = await plane.ask({ max_tokens: 4_000 });
  expect(writing.headers.get("x-sentinel-provider")).toBe("two");
});

test("least-cost knows list prices, and warns at start of a target that has none", async () => {
  const provider = { type: "openai", base_url: "http://127.0.0.1:9/v1", api_keys: ["sk-x"] };
  const targets = ["gpt-4o", "gpt-4o-mini", "made-at-home"].map((model) => ({
    provider: "openai",
    model,
  }));
  await using gateway = await startGateway({
    env: impatient,
    yaml: yamlOf({
      providers: { openai: provider },
      models: { fast: { strategy: "least-cost", retries: 0, targets } },
    }),
  });
  const warnings = gateway.lines.filter(({ level }) => level === 40).map(({ msg }) => msg);
  expect(warnings).toEqual([
    "models.fast: the price of openai/made-at-home is not known, so it is asked last; give the target a price.",
  ]);
});

test("a target of the least known price answers if the cheaper ones fail", async () => {
  const targets = targetsWith(
    { price: { input_per_million_usd: 1, output_per_million_usd: 1 } },
    {},
  );
  await using plane = await startTargets(
    { one: down, two: good },
    { alias: { strategy: "least-cost", targets } },
  );
  expect((await plane.ask()).headers.get("x-sentinel-provider")).toBe("two");
});

/** It asks for a pause once, then answers. */
function busyOnce(pauseMs: number): Script {
  let asked = 0;
  const busy = whole({ error: { message: "busy" } }, { "retry-after-ms": String(pauseMs) }, 429);
  return (...given) => (asked++ === 0 ? busy : good)(...given);
}

const reserveFirst = targetsWith({ weight: 1 }, { weight: 0 }).reverse();

test("a long retry-after is not waited for while another target is up, wherever the file has it", async () => {
  await using plane = await startTargets(
    { one: busyOnce(1_100), two: good },
    { alias: { strategy: "weighted", retries: 1, targets: reserveFirst } },
  );
  const answer = await plane.ask();
  expect(answer.headers.get("x-sentinel-provider")).toBe("two");
  expect(plane.counts()).toEqual({ one: 1, two: 1 });
});

test("a long retry-after is waited for where the breaker of every other target is open", async () => {
  await using plane = await startTargets(
    { one: busyOnce(1_100), two: down },
    {
      alias: { strategy: "weighted", retries: 1, targets: reserveFirst },
      provider: { breaker: { consecutive_failures: 1 } },
    },
  );
  expect((await plane.ask({ model: "two/m" })).status).toBe(502);
  const answer = await plane.ask();
  expect(answer.headers.get("x-sentinel-provider")).toBe("one");
  expect(plane.counts()).toEqual({ one: 2, two: 1 });
});

test("a reload forgets what a breaker has seen only of a provider that it changed", async () => {
  await using one = await startScriptedUpstream(down);
  await using two = await startScriptedUpstream(good);
  const yaml = (strategy: string, ofOne: object = {}): string =>
    yamlOf({
      providers: {
        one: {
          type: "openai-compatible",
          base_url: one.baseUrl,
          breaker: { consecutive_failures: 1 },
          ...ofOne,
        },
        two: { type: "openai-compatible", base_url: two.baseUrl },
      },
      models: { fast: { strategy, retries: 0, targets: targetsWith({}, {}) } },
    });
  await using gateway = await startGateway({ env: impatient, yaml: yaml("priority") });
  const ask = async (): Promise<string | null> => {
    const response = await gateway.post("/v1/chat/completions", chatBody({ model: "fast" }));
    await response.arrayBuffer();
    return response.headers.get("x-sentinel-provider");
  };
  expect(await ask()).toBe("two");
  one.answer(good);
  await gateway.reload(yaml("weighted"));
  for (let round = 0; round < 10; round++) expect(await ask()).toBe("two");
  expect(one.seen).toHaveLength(1);
  await gateway.reload(yaml("priority", { headers: { "x-new": "1" } }));
  expect(await ask()).toBe("one");
});

const problems: [string, object, RegExp][] = [
  [
    "a weight without weighted",
    { targets: targetsWith({ weight: 2 }) },
    /models\.fast\.targets\[0\]\.weight does nothing with the strategy priority; remove it, or set strategy: weighted/,
  ],
  [
    "weights that are all 0",
    { strategy: "weighted", targets: targetsWith({ weight: 0 }) },
    /models\.fast\.targets\[0\]\.weight must be above 0/,
  ],
  [
    "a weight below 0",
    { strategy: "weighted", targets: targetsWith({ weight: -1 }) },
    /models\.fast\.targets\[0\]\.weight must be a number from 0 to/,
  ],
  [
    "a price that is no amount",
    {
      strategy: "least-cost",
      targets: targetsWith({
        price: { input_per_million_usd: "cheap", output_per_million_usd: 1 },
      }),
    },
    /models\.fast\.targets\[0\]\.price\.input_per_million_usd must be US dollars for a million tokens/,
  ],
  [
    "half a price",
    { strategy: "least-cost", targets: targetsWith({ price: { input_per_million_usd: 1 } }) },
    /models\.fast\.targets\[0\]\.price\.output_per_million_usd is missing/,
  ],
  [
    "a strategy that there is not",
    { strategy: "least-busy", targets: targetsWith({}) },
    /models\.fast\.strategy must be one of priority, weighted, least-latency, least-cost/,
  ],
];

test.each(problems)("%s is a problem of the configuration", async (_name, fast, problem) => {
  const one = { type: "openai-compatible", base_url: "http://127.0.0.1:9/v1" };
  const yaml = yamlOf({ providers: { one }, models: { fast } });
  const failure: unknown = await startGateway({ yaml }).then(
    (gateway) => gateway.close(),
    (error: unknown) => error,
  );
  if (!(failure instanceof ConfigurationError)) throw new Error("it was taken");
  expect(failure.problems).toEqual([expect.stringMatching(problem)]);
});
