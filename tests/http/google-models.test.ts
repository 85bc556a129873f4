import { expect, test } from "vitest";

import { fromObject } from "../../src/lib/json-text.ts";
import { Conversation } from "../../src/providers/conversation.ts";
import { defaultDeadlines } from "../../src/providers/deadlines.ts";
import { countTokens } from "../../src/providers/google/count-tokens.ts";
import { listModels } from "../../src/providers/google/list-models.ts";
import type { AdapterOptions } from "../../src/providers/adapter-options.ts";
import type { ProviderCall } from "../../src/providers/provider.ts";
import { openPools } from "../../src/providers/transport/pools.ts";
import { startScriptedUpstream, whole } from "../support/scripted-upstream.ts";
import type { Script, ScriptedUpstream } from "../support/scripted-upstream.ts";

const model = "gemini-3-flash-preview";

interface Google extends AsyncDisposable {
  readonly upstream: ScriptedUpstream;
  readonly options: AdapterOptions;
}

async function startGoogle(script: Script): Promise<Google> {
  const upstream = await startScriptedUpstream(script);
  const { origin } = new URL(upstream.baseUrl);
  const pools = openPools({ origin, connectMs: 1_000, keepAliveMs: 1_000 });
  const options = {
    name: "google",
    baseUrl: `${origin}/v1beta`,
    apiKeys: ["AIza-key"],
    headers: {},
    forwardHeaders: [],
    pools,
  };
  return {
    upstream,
    options,
    [Symbol.asyncDispose]: async () => {
      await pools.destroy();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

function chatCall(fields: object): ProviderCall {
  const request = fromObject({ model, messages: [{ role: "user", content: "Hi" }], ...fields });
  return {
    endpoint: "chat",
    request,
    requestBytes: Buffer.from(request.text),
    model,
    isStream: false,
    conversation: new Conversation({ tenantId: "tenant", endpoint: "chat", model, request }),
    pin: undefined,
    apiKey: "AIza-key",
    clientHeaders: {},
    signal: new AbortController().signal,
    deadlines: defaultDeadlines,
    startedTickMs: performance.now(),
    deadlineTickMs: Number.POSITIVE_INFINITY,
    attempts: [],
  };
}

test("tokens are counted by Google, of all that would be sent", async () => {
  await using google = await startGoogle(whole({ totalTokens: 31 }));
  const tools = [{ type: "function", function: { name: "f" } }];
  expect(await countTokens(google.options)(chatCall({ tools }))).toBe(31);
  const [seen] = google.upstream.seen;
  expect(seen?.path).toBe(`/v1beta/models/${model}:countTokens`);
  expect(seen?.headers["x-goog-api-key"]).toBe("AIza-key");
  expect(seen?.json).toEqual({
    generateContentRequest: {
      model: `models/${model}`,
      contents: [{ role: "user", parts: [{ text: "Hi" }] }],
      tools: [{ functionDeclarations: [{ name: "f" }] }],
    },
  });
});

test("a count that does not come is a failure", async () => {
  await using google = await startGoogle(whole({}));
  const count = countTokens(google.options);
  await expect(count(chatCall({}))).rejects.toMatchObject({ kind: "upstream_error" });
  google.upstream.answer(
    whole({ error: { code: 404, message: "no", status: "NOT_FOUND" } }, {}, 404),
  );
  await expect(count(chatCall({}))).rejects.toMatchObject({
    kind: "provider_rejected",
    status: 404,
  });
});

/** (https://ai.google.dev/api/models, read 2026-11-21) */
const listed = (name: string, ...supportedGenerationMethods: string[]): object => ({
  name,
  displayName: "x",
  supportedGenerationMethods,
});

const signal = (): AbortSignal => new AbortController().signal;

test("every page of the list is read, and what can neither chat nor embed is left out", async () => {
  const first = {
    models: [
      listed("models/gemini-x", "generateContent", "countTokens"),
      listed("models/imagen-x", "predict"),
      { name: "models/unknown" },
    ],
    nextPageToken: "a&b",
  };
  const second = {
    models: [
      listed("models/gemini-embedding-x", "embedContent"),
      listed("tunedModels/t", "generateContent"),
    ],
  };
  await using google = await startGoogle((response, request, socket) =>
    whole(request.path.includes("pageToken") ? second : first)(response, request, socket),
  );
  const entry = { object: "model", created: 0, owned_by: "google" };
  expect(await listModels(google.options, signal())).toEqual([
    { id: "gemini-x", ...entry },
    { id: "gemini-embedding-x", ...entry },
    { id: "tunedModels/t", ...entry },
  ]);
  expect(google.upstream.seen.map(({ path }) => path)).toEqual([
    "/v1beta/models?pageSize=1000",
    "/v1beta/models?pageSize=1000&pageToken=a%26b",
  ]);
});

test("a list without end is read only so far", async () => {
  await using google = await startGoogle(
    whole({ models: [listed("models/a", "generateContent")], nextPageToken: "x" }),
  );
  expect((await listModels(google.options, signal())).length).toBe(10);
});

test("a list that does not come is a failure", async () => {
  await using google = await startGoogle(whole({ error: { code: 403, message: "no" } }, {}, 403));
  await expect(listModels(google.options, signal())).rejects.toMatchObject({
    kind: "upstream_error",
  });
});
