import { expect, test } from "vitest";

import { startGateway } from "../support/gateway.ts";
import { chatBody, impatient, yamlOf } from "../support/one-upstream.ts";
import { completion, startScriptedUpstream, whole } from "../support/scripted-upstream.ts";
import { asked, shareTargets } from "../support/targets.ts";
import type { Asked } from "../support/targets.ts";

const startTargets = shareTargets();

const good = whole(completion("ok"));
const down = whole({ error: { message: "down" } }, {}, 500);
const pinTo = (provider: string): Record<string, string> => ({ "x-sentinel-provider": provider });

test("a pinned request goes to that provider's target of the alias", async () => {
  await using plane = await startTargets({ one: good, two: good });
  const answer = await plane.ask({}, pinTo("two"));
  expect(answer.headers.get("x-sentinel-provider")).toBe("two");
  expect(plane.upstreams.two.seen[0]?.json?.["model"]).toBe("m-of-two");
  expect(plane.upstreams.two.seen[0]?.headers["x-sentinel-provider"]).toBeUndefined();
  expect(plane.counts()).toEqual({ one: 0, two: 1 });
});

test("a pinned request does not fall back to another provider", async () => {
  await using plane = await startTargets({ one: down, two: good });
  const answer = await plane.ask({}, pinTo("one"));
  expect(answer.status).toBe(502);
  expect(answer.error.message).toContain("down");
  expect(plane.counts()).toEqual({ one: 1, two: 0 });
});

test("a pinned request falls back among the targets of its provider", async () => {
  const targets = [
    { provider: "one", model: "broken" },
    { provider: "two", model: "m" },
    { provider: "one", model: "works" },
  ];
  await using plane = await startTargets(
    {
      one: (response, request, socket) =>
        (request.json?.["model"] === "works" ? good : down)(response, request, socket),
      two: good,
    },
    { alias: { targets } },
  );
  const answer = await plane.ask({}, pinTo("one"));
  expect(answer.headers.get("x-sentinel-model")).toBe("works");
  expect(plane.counts()).toEqual({ one: 2, two: 0 });
});

test.each([
  ["fast", "three", /no provider 'three' here.*Leave out the header 'x-sentinel-provider'/],
  ["m", "three", /no provider 'three' here/],
  ["one/m", "two", /'one\/m' is one of 'one', not 'two'/],
])("the model %s pinned to %s is refused with what to do", async (model, pin, message) => {
  await using plane = await startTargets({ one: good, two: good });
  const answer = await plane.ask({ model }, pinTo(pin));
  expect(answer.status).toBe(400);
  expect(answer.error).toMatchObject({ code: "invalid_value", param: "x-sentinel-provider" });
  expect(answer.error.message).toMatch(message);
  expect(plane.counts()).toEqual({ one: 0, two: 0 });
});

test("an alias that the provider does not serve is refused, with those that do", async () => {
  const targets = [{ provider: "one", model: "m" }];
  await using plane = await startTargets({ one: good, two: good }, { alias: { targets } });
  const { status, error } = await plane.ask({}, pinTo("two"));
  expect(status).toBe(400);
  expect(error.param).toBe("x-sentinel-provider");
  expect(error.message).toContain("The model 'fast' is not served by 'two', but by: one.");
});

async function withTwoLists(
  test: (ask: (m: string, p: string) => Promise<Asked>) => Promise<void>,
) {
  await using one = await startScriptedUpstream(good);
  await using two = await startScriptedUpstream(good);
  one.listModels(["shared"]);
  two.listModels(["shared", "one/of-two"]);
  const provider = ({ baseUrl }: { readonly baseUrl: string }): object => ({
    type: "openai-compatible",
    base_url: baseUrl,
  });
  await using gateway = await startGateway({
    env: impatient,
    yaml: yamlOf({ providers: { one: provider(one), two: provider(two) } }),
  });
  expect((await gateway.fetch("/v1/models")).status).toBe(200);
  await test(async (model, pin) =>
    asked(await gateway.post("/v1/chat/completions", chatBody({ model }), pinTo(pin))),
  );
}

test("a plain model name is asked of the provider that is pinned", async () => {
  await withTwoLists(async (ask) => {
    for (const [model, pin, sent] of [
      ["shared", "two", "shared"],
      ["two/shared", "two", "shared"],
      ["not-listed", "two", "not-listed"],
      ["one/of-two", "two", "one/of-two"],
    ] as const) {
      const { status, headers } = await ask(model, pin);
      expect([status, headers.get("x-sentinel-provider")]).toEqual([200, "two"]);
      expect(headers.get("x-sentinel-model")).toBe(sent);
    }
  });
});
