import { createHash } from "node:crypto";

import { afterAll, beforeAll } from "vitest";

import { openCompatibleEmbedder } from "../../src/embedders/openai-compatible/open.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { startScriptedUpstream, whole } from "../support/scripted-upstream.ts";
import type { Script, ScriptedUpstream } from "../support/scripted-upstream.ts";
import { testEmbedder } from "./embedder.ts";

/** A vector of any text, the same each time. */
const vectorOf = (text: string): number[] =>
  [...createHash("sha256").update(text).digest()].map((byte) => byte - 127.5);

const hashes: Script = (response, request, socket) => {
  const texts = [request.json?.["input"]].flat() as string[];
  const data = texts.map((text, index) => ({ index, embedding: vectorOf(text) }));
  return whole({ object: "list", data })(response, request, socket);
};

let upstream: ScriptedUpstream;
beforeAll(async () => {
  upstream = await startScriptedUpstream(hashes);
});
afterAll(() => upstream[Symbol.asyncDispose]());

testEmbedder(
  "an OpenAI-compatible embedder",
  () => {
    const { baseUrl } = upstream;
    const options = { name: "vectors", baseUrl, model: "m", apiKey: "k", clock: systemClock };
    return Promise.resolve(openCompatibleEmbedder(options));
  },
  "x".repeat(100_000),
);
