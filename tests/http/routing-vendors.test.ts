import { expect, test } from "vitest";

import { impatient, yamlOf } from "../support/one-upstream.ts";
import { completion, startScriptedUpstream, whole } from "../support/scripted-upstream.ts";
import { shareGateway } from "../support/shared-gateway.ts";
import type { ScriptedUpstream } from "../support/scripted-upstream.ts";
import { asked } from "../support/targets.ts";
import type { Asked } from "../support/targets.ts";

const lendGateway = shareGateway(impatient);

/** Vendors whose APIs differ, as the targets of one alias: what the first cannot do, the next one may. */
const good = completion("ok");

interface Chain extends AsyncDisposable {
  readonly upstreams: readonly ScriptedUpstream[];
  ask(path: string, fields: object): Promise<Asked>;
}

async function startChain(
  types: readonly string[],
  answers: readonly (object | undefined)[],
): Promise<Chain> {
  await using opening = new AsyncDisposableStack();
  const providers: Record<string, object> = {};
  const upstreams: ScriptedUpstream[] = [];
  for (const [index, type] of types.entries()) {
    const answer = answers[index];
    const script =
      answer === undefined ? whole({ error: { message: "down" } }, {}, 500) : whole(answer);
    const upstream = opening.use(await startScriptedUpstream(script));
    upstreams.push(upstream);
    providers[type] = { type, base_url: upstream.baseUrl, api_keys: ["k"], models: ["m"] };
  }
  const targets = types.map((provider) => ({ provider, model: "m" }));
  const gateway = await lendGateway(
    yamlOf({ providers, models: { fast: { retries: 0, targets } } }),
  );
  opening.defer(() => gateway.close());
  const resources = opening.move();
  return {
    upstreams,
    ask: async (path, fields) => {
      const messages = [{ role: "user", content: "Hi" }];
      return asked(await gateway.post(path, { model: "fast", messages, ...fields }));
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

const audio = {
  messages: [
    {
      role: "user",
      content: [{ type: "input_audio", input_audio: { data: "AAAA", format: "wav" } }],
    },
  ],
};

test.each([
  ["anthropic", { n: 2 }],
  ["anthropic", { modalities: ["text", "audio"] }],
  ["anthropic", audio],
  ["anthropic", { functions: [{ name: "f", parameters: {} }] }],
  ["google", { functions: [{ name: "f", parameters: {} }] }],
  ["mistral", { modalities: ["text", "audio"] }],
  ["ollama", { n: 2 }],
])("what %s cannot do is asked of the next target: %j", async (type, fields) => {
  await using chain = await startChain([type, "openai"], [undefined, good]);
  const answer = await chain.ask("/v1/chat/completions", fields);
  expect(answer.headers.get("x-sentinel-provider")).toBe("openai");
  expect(answer.status).toBe(200);
});

test("an endpoint that the first target lacks is asked of the next one", async () => {
  const list = {
    object: "list",
    data: [],
    model: "m",
    usage: { prompt_tokens: 1, total_tokens: 1 },
  };
  await using chain = await startChain(["anthropic", "openai"], [undefined, list]);
  expect((await chain.ask("/v1/embeddings", { input: "a" })).status).toBe(200);
});

test("where every target refuses, the caller hears the first reason, with its field", async () => {
  await using chain = await startChain(["anthropic", "ollama"], [undefined, undefined]);
  const answer = await chain.ask("/v1/chat/completions", { n: 2 });
  expect(answer).toMatchObject({ status: 400, error: { param: "n" } });
  expect(answer.error.message).toContain("Claude");
});

test("where a target that could do it fails, that is what the caller hears", async () => {
  await using chain = await startChain(["anthropic", "openai"], [undefined, undefined]);
  expect(await chain.ask("/v1/chat/completions", { n: 2 })).toMatchObject({ status: 502 });
});

test.each(["mistral", "groq"])(
  "names that every object has are nothing special to %s",
  async (type) => {
    await using chain = await startChain([type], [good]);
    for (const name of ["constructor", "__proto__", "toString"]) {
      const answer = await chain.ask("/v1/chat/completions", {
        messages: [{ role: name, content: "Hi" }],
        reasoning_effort: name,
      });
      expect(answer.status).toBe(200); // The vendor judges roles and efforts; here it takes them.
      expect(chain.upstreams[0]?.seen.at(-1)?.json).toMatchObject({ reasoning_effort: name });
    }
  },
);
