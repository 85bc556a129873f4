import { expect, test } from "vitest";

import { startGateway, until } from "../support/gateway.ts";
import { chatBody, impatient, yamlOf } from "../support/one-upstream.ts";
import {
  chatChunk,
  completion,
  done,
  startScriptedUpstream,
  stream,
  whole,
} from "../support/scripted-upstream.ts";
import { shareGateway } from "../support/shared-gateway.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";
import { shareTargets } from "../support/targets.ts";

const startTargets = shareTargets();
const lendGateway = shareGateway(impatient);

const good = whole(completion("ok"));
const never: Script = () => undefined;
const status = (code: number, headers: Record<string, string> = {}): Script =>
  whole({ error: { message: `status ${code}`, type: "t", param: null, code: "c" } }, headers, code);

test("an alias is answered by its first target, under the target's own model name", async () => {
  await using plane = await startTargets({ one: good, two: good });
  const { headers } = await plane.ask();
  expect(headers.get("x-sentinel-provider")).toBe("one");
  expect(headers.get("x-sentinel-model")).toBe("m-of-one");
  expect(headers.get("x-sentinel-attempts")).toBe("1");
  expect(plane.upstreams.one.seen[0]?.json?.["model"]).toBe("m-of-one");
  expect(plane.counts()).toEqual({ one: 1, two: 0 });
});

const failsOver: [string, Script, object][] = [
  ["500", status(500), {}],
  ["502", status(502), {}],
  ["503", status(503), {}],
  ["529", status(529), {}],
  ["429", status(429), {}],
  ["408", status(408), {}],
  ["401", status(401), {}],
  ["402", status(402), {}],
  ["403", status(403), {}],
  ["a redirect", status(302, { location: "http://127.0.0.1:1/" }), {}],
  ["an answer that is no JSON", whole("nope"), {}],
  ["an answer that is an error", whole({ error: { message: "x" } }), {}],
  ["a reset", (_response, _request, socket) => void socket.resetAndDestroy(), {}],
  ["silence past the first-byte deadline", never, { deadlines: { first_byte_ms: 100 } }],
  [
    "headers and then silence past the first-byte deadline",
    (response) => {
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
    },
    { deadlines: { first_byte_ms: 100 } },
  ],
  [
    "half an answer past the idle deadline",
    (response) => void response.writeHead(200, { "content-type": "application/json" }).write("{"),
    { deadlines: { idle_ms: 100 } },
  ],
];

test.each(failsOver)("%s makes the next target answer", async (_name, script, provider) => {
  await using plane = await startTargets({ one: script, two: good }, { provider });
  const answer = await plane.ask();
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-sentinel-provider")).toBe("two");
  expect(answer.headers.get("x-sentinel-attempts")).toBe("2");
  expect(JSON.parse(answer.text)).toEqual(completion("ok"));
  expect(plane.counts()).toEqual({ one: 1, two: 1 });
});

test("a target that cannot be reached makes the next one answer", async () => {
  await using plane = await startTargets({ one: good, two: good });
  await plane.upstreams.one[Symbol.asyncDispose]();
  const answer = await plane.ask();
  expect(answer.status).toBe(200);
  expect(answer.headers.get("x-sentinel-provider")).toBe("two");
});

test.each([400, 404, 413, 422])(
  "the caller's mistake, %i, is told and nobody else asked",
  async (code) => {
    await using plane = await startTargets(
      { one: status(code), two: good },
      { alias: { retries: 2 } },
    );
    const answer = await plane.ask();
    expect(answer.status).toBe(code);
    expect(answer.error).toMatchObject({ message: `status ${code}`, code: "c" });
    expect(plane.counts()).toEqual({ one: 1, two: 0 });
  },
);

test("a refused credential is not tried again before the next target is asked", async () => {
  await using plane = await startTargets(
    { one: status(401), two: good },
    { alias: { retries: 3 } },
  );
  expect((await plane.ask()).status).toBe(200);
  expect(plane.counts()).toEqual({ one: 1, two: 1 });
});

test("if every target fails, the last one's failure is told with what it said", async () => {
  await using plane = await startTargets({
    one: status(401),
    two: status(500),
    three: status(503),
  });
  const answer = await plane.ask();
  expect(answer.status).toBe(502);
  expect(answer.error.code).toBe("upstream_error");
  expect(answer.error.message).toContain("status 503");
  expect(answer.headers.get("x-sentinel-attempts")).toBe("3");
  expect(plane.gateway.lines.at(-1)).toMatchObject({ attempts: 3, provider: "three" });
});

test("a stream falls back like a whole answer", async () => {
  const events = stream([chatChunk({ content: "a" }, "stop"), done]);
  await using plane = await startTargets({ one: status(500), two: events });
  const answer = await plane.ask({ stream: true });
  expect(answer.headers.get("x-sentinel-provider")).toBe("two");
  expect(answer.text).toBe(chatChunk({ content: "a" }, "stop") + done);
});

test("a target whose vendor lacks the endpoint is the caller's mistake", async () => {
  await using upstream = await startScriptedUpstream(good);
  const ollama = { type: "ollama", base_url: upstream.baseUrl, models: ["m"] };
  const models = { fast: { targets: [{ provider: "ollama", model: "m" }] } };
  await using gateway = await startGateway({
    env: impatient,
    yaml: yamlOf({ providers: { ollama }, models }),
  });
  const response = await gateway.post("/v1/moderations", { model: "fast", input: "a" });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { code: "unsupported_endpoint" } });
});

/** A gateway with two providers that list their models, and the section `models`. */
async function startLists(more: { models?: object; defaults?: object } = {}) {
  await using opening = new AsyncDisposableStack();
  const [one, two] = [
    opening.use(await startScriptedUpstream(good)),
    opening.use(await startScriptedUpstream(good)),
  ];
  one.listModels(["alpha", "shared"]);
  two.listModels(["beta", "shared", "org/gamma", "fast"]);
  const provider = ({ baseUrl }: { baseUrl: string }): object => ({
    type: "openai-compatible",
    base_url: baseUrl,
  });
  const gateway = opening.use(
    await lendGateway(yamlOf({ providers: { one: provider(one), two: provider(two) }, ...more })),
  );
  const ask = async (model: string): Promise<[string | null, unknown]> => {
    const response = await gateway.post("/v1/chat/completions", chatBody({ model }));
    const { error } = (await response.json()) as { error?: { code: string } };
    if (error !== undefined) return [null, error.code];
    const provider = response.headers.get("x-sentinel-provider");
    return [provider, (provider === "one" ? one : two).seen.at(-1)?.json?.["model"]];
  };
  const resources = opening.move();
  return { gateway, one, two, ask, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

test.each([
  ["alpha", "one", "alpha"],
  ["beta", "two", "beta"],
  ["shared", "one", "shared"],
  ["org/gamma", "two", "org/gamma"],
  ["two/shared", "two", "shared"],
  ["two/unlisted", "two", "unlisted"],
  ["two/org/gamma", "two", "org/gamma"],
  ["unknown", null, "model_not_found"],
  ["three/alpha", null, "model_not_found"],
  ["one/", null, "model_not_found"],
])("the model %s is found at %s as %s", async (model, provider, name) => {
  await using plane = await startLists();
  expect(await plane.ask(model)).toEqual([provider, name]);
});

test("an alias goes before a listed model of the same name", async () => {
  await using plane = await startLists({
    models: { fast: { targets: [{ provider: "one", model: "alpha" }] } },
  });
  expect(await plane.ask("fast")).toEqual(["one", "alpha"]);
});

test("the default provider takes what nobody lists, and what several list", async () => {
  await using plane = await startLists({ defaults: { provider: "two" } });
  expect(await plane.ask("unknown")).toEqual(["two", "unknown"]);
  expect(await plane.ask("shared")).toEqual(["two", "shared"]);
  expect(await plane.ask("alpha")).toEqual(["one", "alpha"]);
});

test("an unknown model is 404, names the field and says where to look", async () => {
  await using plane = await startLists();
  const response = await plane.gateway.post("/v1/chat/completions", chatBody({ model: "gpt-99" }));
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({
    error: { type: "invalid_request_error", code: "model_not_found", param: "model" },
  });
  expect([plane.one.seen.length, plane.two.seen.length]).toEqual([0, 0]);
});

test("GET /v1/models lists aliases and every provider's models once, and finds each by its id", async () => {
  await using plane = await startLists({
    models: { quick: { targets: [{ provider: "one", model: "alpha" }] } },
  });
  const list = (await (await plane.gateway.fetch("/v1/models")).json()) as {
    object: string;
    data: { id: string; owned_by: string }[];
  };
  expect(list.object).toBe("list");
  expect(list.data.map(({ id }) => id).sort()).toEqual(
    ["quick", "alpha", "shared", "beta", "org/gamma", "fast"].sort(),
  );
  for (const path of ["/v1/models/quick", "/v1/models/org/gamma", "/v1/models/org%2Fgamma"]) {
    const one = (await (await plane.gateway.fetch(path)).json()) as { object: string };
    expect(one.object).toBe("model");
  }
  expect((await plane.gateway.fetch("/v1/models/unknown")).status).toBe(404);
});

test("a provider whose list does not come holds up nobody for long", async () => {
  await using plane = await startLists();
  await plane.one[Symbol.asyncDispose]();
  const startedMs = performance.now();
  expect(await plane.ask("beta")).toEqual(["two", "beta"]);
  expect(performance.now() - startedMs).toBeLessThan(3_000);
});

test("a moderation without a model goes to the provider that has OpenAI's", async () => {
  await using upstream = await startScriptedUpstream(whole({ id: "modr-1", results: [] }));
  await using gateway = await startGateway({
    env: { ...impatient, OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: upstream.baseUrl },
  });
  const body = `{"input":"a"}`;
  const response = await gateway.post("/v1/moderations", body);
  expect(response.status).toBe(200);
  expect(upstream.seen[0]?.body.toString("utf8")).toBe(body);
  await until("it is logged", () =>
    gateway.lines.some((line) => line["model"] === "omni-moderation-latest"),
  );
});

test("a new configuration takes effect while a stream runs on under the old one", async () => {
  const gate = Promise.withResolvers<undefined>();
  await using before = await startScriptedUpstream(async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chatChunk({ content: "a" }));
    await gate.promise;
    response.end(chatChunk({ content: "b" }, "stop") + done);
  });
  await using after = await startScriptedUpstream(good);
  const yaml = (baseUrl: string): string =>
    yamlOf({
      providers: { test: { type: "openai-compatible", base_url: baseUrl, models: ["m"] } },
    });
  await using gateway = await startGateway({ env: impatient, yaml: yaml(before.baseUrl) });
  const running = readStream(
    await gateway.post("/v1/chat/completions", chatBody({ stream: true })),
  );
  await running.untilText('"a"');
  await gateway.reload(yaml(after.baseUrl));
  expect((await gateway.post("/v1/chat/completions", chatBody())).status).toBe(200);
  expect([before.seen.length, after.seen.length]).toEqual([1, 1]);
  gate.resolve(undefined);
  expect(await running.toEnd()).toBe("whole");
  expect(running.text).toContain('"b"');
});

test("a request that waits to be tried again keeps the configuration with which it began", async () => {
  const busy = status(429, { "retry-after-ms": "300" });
  await using plane = await startTargets({ one: busy }, { alias: { retries: 1 } });
  const answering = plane.ask();
  await until("the first try is over", () => plane.counts().one === 1);
  plane.upstreams.one.answer(good);
  await plane.gateway.reload(yamlOf({ providers: { demo: { type: "demo" } } }));
  expect((await answering).status).toBe(200);
  expect(plane.counts().one).toBe(2);
});

test("a provider that a new configuration leaves as it was keeps its connections", async () => {
  await using plane = await startTargets({ one: good });
  await plane.ask();
  const { baseUrl } = plane.upstreams.one;
  const one = { type: "openai-compatible", base_url: baseUrl, models: ["m"] };
  const models = { fast: { targets: [{ provider: "one", model: "other" }] } };
  await plane.gateway.reload(yamlOf({ providers: { one }, models }));
  await plane.ask();
  expect(plane.upstreams.one.seen.at(-1)?.json?.["model"]).toBe("other");
  expect(plane.upstreams.one.connectionCount).toBe(1);
});
