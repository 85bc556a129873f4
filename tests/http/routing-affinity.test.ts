import { expect, test } from "vitest";

import { completion, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { asked, shareTargets } from "../support/targets.ts";
import type { Targets } from "../support/targets.ts";

const startTargets = shareTargets();

const good = whole(completion("ok"));
const down = whole({ error: { message: "down" } }, {}, 500);
const long = "word ".repeat(1_000);
const user = (content: string): object => ({ role: "user", content });
const assistant = { role: "assistant", content: "Hello." };

/** What moves here moves because of its own failure, and comes back at once. */
const neverOpen = { consecutive_failures: 1_000, minimum_requests: 1_000 };

type Plane = Targets<"one" | "two" | "three">;
const threeTargets = (script: Script = good): Promise<Plane> =>
  startTargets(
    { one: script, two: script, three: script },
    { alias: { strategy: "weighted" }, provider: { breaker: neverOpen } },
  );

async function placeOf(plane: Plane, messages: readonly object[], more: object = {}) {
  const answer = await plane.ask({ messages, ...more });
  expect(answer.status).toBe(200);
  return answer.headers.get("x-sentinel-provider");
}

const names = Array.from({ length: 30 }, (_, index) => `conversation ${index}`);

test("the turns of a long conversation all go to one target, and conversations spread over all", async () => {
  await using plane = await threeTargets();
  const places = new Set<string | null>();
  for (const name of names) {
    const first = [{ role: "system", content: long }, user(name)];
    const place = await placeOf(plane, first);
    places.add(place);
    expect(await placeOf(plane, [...first, assistant, user("And?")])).toBe(place);
    expect(await placeOf(plane, [...first, assistant, user("b"), assistant, user("c")])).toBe(
      place,
    );
  }
  expect(places.size).toBe(3);
});

test("the later turns of a conversation that began with a word follow its first", async () => {
  await using plane = await threeTargets();
  const places = new Set<string | null>();
  for (const name of names) {
    const place = await placeOf(plane, [user(name)]);
    places.add(place);
    expect(await placeOf(plane, [user(name), assistant, user("And?")])).toBe(place);
    expect(await placeOf(plane, [user(name), assistant, user("And?"), assistant, user(long)])).toBe(
      place,
    );
  }
  expect(places.size).toBe(3);
});

test("the client's prompt_cache_key decides, whatever is asked", async () => {
  await using plane = await threeTargets();
  const places = new Set<string | null>();
  for (const name of names) {
    const key = { prompt_cache_key: name };
    const place = await placeOf(plane, [user("a")], key);
    places.add(place);
    expect(await placeOf(plane, [user("b")], key)).toBe(place);
    expect(await placeOf(plane, [user(long)], { ...key, temperature: 0 })).toBe(place);
  }
  expect(places.size).toBe(3);
});

test("a conversation moves when its target fails, comes back with it, and moves no other", async () => {
  await using plane = await threeTargets();
  const places = new Map<string, string | null>();
  for (const name of names) places.set(name, await placeOf(plane, [user(name + long)]));
  plane.upstreams.two.answer(down);
  for (const [name, place] of places) {
    const now = await placeOf(plane, [user(name + long)]);
    if (place === "two") expect(now).not.toBe("two");
    else expect(now).toBe(place);
  }
  plane.upstreams.two.answer(good);
  for (const [name, place] of places) {
    expect(await placeOf(plane, [user(name + long)])).toBe(place);
  }
});

test("a new replica places long conversations as the old one did", async () => {
  await using one = await threeTargets();
  await using two = await threeTargets();
  for (const name of names) {
    const messages = [user(name + long)];
    expect(await placeOf(two, messages)).toBe(await placeOf(one, messages));
  }
});

test("conversations stick on /v1/messages and /v1/responses as well", async () => {
  await using plane = await threeTargets();
  const post = async (path: string, body: object): Promise<string | null> => {
    const answer = await asked(await plane.gateway.post(path, { model: "fast", ...body }));
    return answer.headers.get("x-sentinel-provider");
  };
  for (const name of names.slice(0, 10)) {
    const ofMessages = (nonce: string, ...more: object[]) =>
      post("/v1/messages", {
        max_tokens: 10,
        system: [
          { type: "text", text: `x-anthropic-billing-header: cch=${nonce};` },
          { type: "text", text: long, cache_control: { type: "ephemeral" } },
        ],
        messages: [user(name), ...more],
      });
    const place = await ofMessages("1");
    expect(place).not.toBeNull();
    expect(await ofMessages("2", assistant, user("And?"))).toBe(place);

    const ofResponses = (input: unknown) =>
      post("/v1/responses", { instructions: long, input, store: false });
    const home = await ofResponses(name);
    expect(await ofResponses([user(name), assistant, user("And?")])).toBe(home);
  }
});

test("embeddings of the same text are shared out", async () => {
  const vector = { object: "list", data: [{ object: "embedding", index: 0, embedding: [1] }] };
  await using plane = await threeTargets(whole(vector));
  for (let round = 0; round < 40; round++) {
    const body = { model: "fast", input: long, encoding_format: "float" };
    expect((await plane.gateway.post("/v1/embeddings", body)).status).toBe(200);
  }
  expect(Object.values(plane.counts()).every((count) => count > 0)).toBe(true);
});
