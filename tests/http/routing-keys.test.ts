import { expect, test } from "vitest";

import { limitedMsMax } from "../../src/providers/key-ring.ts";
import { shareOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { chatChunk, completion, done, stream, whole } from "../support/scripted-upstream.ts";
import type { Script, SeenRequest } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

const good = whole(completion("ok"));
const goodStream = stream([chatChunk({ content: "ok" }), chatChunk({}, "stop"), done]);
const answers: Script = (response, request, socket) =>
  (request.json?.["stream"] === true ? goodStream : good)(response, request, socket);

const keyOf = ({ headers }: SeenRequest): string =>
  headers.authorization?.slice("Bearer ".length) ?? "";
const keysSeen = ({ upstream }: OneUpstream): string[] => upstream.seen.map(keyOf);

/** Answers well, but for these keys. */
const unless =
  (refusals: Readonly<Record<string, Script>>): Script =>
  (response, request, socket) =>
    (refusals[keyOf(request)] ?? answers)(response, request, socket);

const limit = (headers: Record<string, string> = {}, more: object = {}): Script =>
  whole(
    { error: { message: "Slow down", type: "requests", code: "rate_limit_exceeded", ...more } },
    headers,
    429,
  );

/** Two keys, and no retries: what is seen twice was sent with another key. */
const twoKeys = (script: Script, models: object = {}): Promise<OneUpstream> =>
  startOneUpstream({
    script,
    provider: { api_keys: ["sk-first", "sk-second"], models: ["m", "n"] },
    models: { alias: { retries: 0, targets: [{ provider: "test", model: "m" }] }, ...models },
  });

const restLines = ({ gateway }: OneUpstream) =>
  gateway.lines.filter(({ msg }) => msg === "a provider's key rests");

test("a key at its limit is replaced at once, and rests as long as it was told to", async () => {
  await using plane = await twoKeys(unless({ "sk-first": limit({ "retry-after": "30" }) }));
  const startedMs = performance.now();
  for (let round = 0; round < 4; round++) {
    const response = await plane.chat({ model: "alias" });
    expect(response.status).toBe(200);
    if (round === 0) expect(response.headers.get("x-sentinel-attempts")).toBe("2");
  }
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  expect(keysSeen(plane)).toEqual(["sk-first", "sk-second", "sk-second", "sk-second", "sk-second"]);
});

test("a key at its limit for one model serves the others", async () => {
  const limitedForM: Script = (response, request, socket) =>
    (request.json?.["model"] === "m" ? limit({ "retry-after": "30" }) : good)(
      response,
      request,
      socket,
    );
  await using plane = await twoKeys(unless({ "sk-first": limitedForM }));
  await plane.chat({ model: "m" });
  plane.upstream.forget();
  for (let round = 0; round < 4; round++) await plane.chat({ model: "n" });
  expect(keysSeen(plane).sort()).toEqual(["sk-first", "sk-first", "sk-second", "sk-second"]);
});

test.each([
  [401, { code: "invalid_api_key" }],
  [402, { code: null }],
  [403, { code: null }],
  [429, { code: "insufficient_quota" }],
  [429, { type: "insufficient_quota", code: "project_spend_limit_exceeded" }],
])(
  "a key that is of no use (%i %j) rests for every model, and clients see nothing",
  async (status, error) => {
    const refusal = whole({ error: { message: "No", type: "invalid", ...error } }, {}, status);
    await using plane = await twoKeys(unless({ "sk-first": refusal }));
    for (const model of ["m", "n", "m", "n"])
      expect((await plane.chat({ model })).status).toBe(200);
    expect(keysSeen(plane).filter((key) => key === "sk-first").length).toBe(1);
  },
);

test("a key whose account may not use a model is replaced for that model alone", async () => {
  const noAccess: Script = (response, request, socket) => {
    const error = { message: "No access to model `m`", code: "model_not_found" };
    const isForM = request.json?.["model"] === "m";
    return (isForM ? whole({ error }, {}, 403) : good)(response, request, socket);
  };
  await using plane = await twoKeys(unless({ "sk-first": noAccess }));
  for (const model of ["m", "m", "n", "n"]) expect((await plane.chat({ model })).status).toBe(200);
  const seen = plane.upstream.seen.map((request) => [request.json?.["model"], keyOf(request)]);
  expect(seen.filter(([model]) => model === "m").map(([, key]) => key)).toEqual([
    "sk-first",
    "sk-second",
    "sk-second",
  ]);
  expect(new Set(seen.filter(([model]) => model === "n").map(([, key]) => key)).size).toBe(2);
});

test("streams change the key as well, before anything has reached the client", async () => {
  await using plane = await twoKeys(unless({ "sk-first": limit() }));
  for (let round = 0; round < 3; round++) {
    const client = readStream(await plane.chat({ stream: true }));
    expect(client.response.status).toBe(200);
    expect(await client.toEnd()).toBe("whole");
    expect(client.data.at(-1)).toBe("[DONE]");
  }
  expect(keysSeen(plane)).toEqual(["sk-first", "sk-second", "sk-second", "sk-second"]);
});

test("a stream whose first event is the refusal changes the key as well", async () => {
  const error = { message: "Slow down", type: "requests", code: 429 };
  const refused = stream([`data: ${JSON.stringify({ error })}\n\n`]);
  await using plane = await twoKeys(unless({ "sk-first": refused }));
  const client = readStream(await plane.chat({ stream: true }));
  expect(client.response.status).toBe(200);
  expect(await client.toEnd()).toBe("whole");
  expect(keysSeen(plane)).toEqual(["sk-first", "sk-second"]);
});

test("where every key is at its limit the client is told when the first is free", async () => {
  await using plane = await twoKeys(
    unless({
      "sk-first": limit({ "retry-after": "7" }),
      "sk-second": limit({ "retry-after": "60" }),
    }),
  );
  const first = await plane.chat({ model: "alias" });
  expect(first.status).toBe(429);
  expect(first.headers.get("retry-after")).toBe("7");
  expect(keysSeen(plane)).toEqual(["sk-first", "sk-second"]);
  plane.upstream.forget();
  // From now on each request goes out once, with the key that is free first.
  const second = await plane.chat({ model: "alias" });
  expect(await second.json()).toMatchObject({ error: { code: "rate_limit_exceeded" } });
  expect(keysSeen(plane)).toEqual(["sk-first"]);
});

test("a key that works again is in use again", async () => {
  await using plane = await twoKeys(unless({ "sk-first": limit(), "sk-second": limit() }));
  expect((await plane.chat({ model: "alias" })).status).toBe(429);
  plane.upstream.answer(answers);
  plane.upstream.forget();
  for (let round = 0; round < 3; round++) {
    expect((await plane.chat({ model: "alias" })).status).toBe(200);
  }
  expect(new Set(keysSeen(plane)).size).toBe(1);
});

test("a refused key and a limited one: the client hears of the limit, which passes", async () => {
  const refusal = whole({ error: { message: "Bad key" } }, {}, 401);
  await using plane = await twoKeys(
    unless({ "sk-first": limit({ "retry-after": "3" }), "sk-second": refusal }),
  );
  const response = await plane.chat({ model: "alias" });
  expect(response.status).toBe(429);
  expect(response.headers.get("retry-after")).toBe("3");
});

test("a failure that is not about the key changes no key", async () => {
  const broken = whole({ error: { message: "Broken" } }, {}, 500);
  await using plane = await twoKeys(broken);
  expect((await plane.chat({ model: "alias" })).status).toBe(502);
  expect(keysSeen(plane)).toEqual(["sk-first"]);
});

test("a crowd does not notice one key's storm of refusals, and no breaker opens", async () => {
  await using plane = await twoKeys(unless({ "sk-first": limit({ "retry-after": "20" }) }));
  const crowd = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const response = await plane.chat({ model: "alias", stream: index % 2 === 0 });
      const text = await response.text();
      return response.status === 200 && text.includes("ok");
    }),
  );
  expect(crowd.every(Boolean)).toBe(true);
  // Those that were on their way when the first refusal came; from then on it is left alone.
  const refused = keysSeen(plane).filter((key) => key === "sk-first").length;
  expect(refused).toBeLessThanOrEqual(100);
  plane.upstream.forget();
  for (let round = 0; round < 20; round++) {
    expect((await plane.chat({ model: "alias" })).status).toBe(200);
  }
  expect(new Set(keysSeen(plane))).toEqual(new Set(["sk-second"]));
  expect(restLines(plane).length).toBe(1);
});

test("the log says once which key began to rest and why, by an id that is not the key", async () => {
  const refusal = whole({ error: { message: "Incorrect API key: sk-first" } }, {}, 401);
  const tooLong = String((limitedMsMax / 1_000) * 10);
  await using plane = await twoKeys(
    unless({ "sk-first": refusal, "sk-second": limit({ "retry-after": tooLong }) }),
  );
  for (let round = 0; round < 3; round++) await plane.chat({ model: "alias" });
  const lines = restLines(plane);
  expect(lines).toMatchObject([
    { level: 40, provider: "test", status: 401, model: null, rest_ms: 60_000 },
    { level: 40, provider: "test", status: 429, model: "m", rest_ms: limitedMsMax },
  ]);
  expect(lines.every(({ key }) => /^[0-9a-f]{8}$/.test(String(key)))).toBe(true);
  expect(JSON.stringify(plane.gateway.lines)).not.toMatch(/sk-first|sk-second/);
});

test("a conversation stays with its key from turn to turn", async () => {
  await using plane = await twoKeys(answers);
  const keys = new Set<string>();
  for (let talk = 0; talk < 12; talk++) {
    plane.upstream.forget();
    const messages: object[] = [];
    for (let turn = 0; turn < 3; turn++) {
      messages.push({ role: "user", content: `Turn ${turn} of conversation ${talk}` });
      await plane.chat({ messages });
      messages.push({ role: "assistant", content: "Go on." });
    }
    const used = new Set(keysSeen(plane));
    expect(used.size).toBe(1);
    for (const key of used) keys.add(key);
  }
  expect(keys.size).toBe(2);
});
