import { Failure } from "../../errors.ts";
import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { embeddingBase64 } from "../../protocol/embedding-base64.ts";
import type { Usage } from "../../protocol/usage.ts";
import type { ProviderCall, WholeReply } from "../provider.ts";
import { answerBytesMax, readAll } from "../transport/read-all.ts";
import { repliedHeaders } from "../transport/reply-headers.ts";
import { failureWithin } from "./from-error.ts";
import { parseAnswer } from "./from-response.ts";
import { resourceName } from "./gemini-api.ts";
import type { GeminiApi } from "./gemini-api.ts";
import { bareName } from "./model-generation.ts";
import { nativeEmbeddingFields } from "./request/native-fields.ts";
import { fault } from "./request/request-fault.ts";
import { readUsageMetadata } from "./answer/usage-metadata.ts";

/** Google takes no more at once. (https://ai.google.dev/gemini-api/docs/embeddings, read 2026-11-21) */
const batchMax = 100;
/** As many as OpenAI takes. */
const inputsMax = 2_048;

/** OpenAI's embeddings from Gemini's, one batch after the other, in the order of the input. */
export async function embed(call: ProviderCall, api: GeminiApi): Promise<WholeReply> {
  const request = call.request.value;
  const inputs = inputsOf(request["input"]);
  const dimensions = request["dimensions"];
  const shared = {
    model: resourceName(call.model),
    ...(dimensions == null ? {} : { outputDimensionality: dimensions }),
    ...nativeEmbeddingFields(request),
  };
  const upstream = api.upstreamOf(call);
  const vectors: (readonly unknown[])[] = [];
  let usage: Usage | undefined;
  let headers: Readonly<Record<string, string>> = {};
  for (let start = 0; start < inputs.length; start += batchMax) {
    const batch = inputs.slice(start, start + batchMax);
    const requests = batch.map((text) => ({ ...shared, content: { parts: [{ text }] } }));
    const [only] = requests;
    const response =
      only !== undefined && inputs.length === 1
        ? await api.ask(call, "embed", only)
        : await api.ask(call, "embed-many", { requests });
    headers = repliedHeaders(response.headers);
    const bytes = await readAll(response.body, answerBytesMax, upstream.name);
    const [answer = {}] = parseAnswer(bytes, upstream);
    const failure = failureWithin(answer, upstream);
    if (failure !== undefined) throw failure;
    vectors.push(...vectorsIn(answer, batch.length, upstream.name));
    usage = sum(usage, readUsageMetadata(answer["usageMetadata"]));
  }
  const value = listOf(vectors, call, usage);
  const bytes = Buffer.from(JSON.stringify(value));
  return { kind: "whole", headers, droppedParams: droppedOf(request), bytes, value, usage };
}

function inputsOf(input: unknown): string[] {
  const list: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (list.length > inputsMax) {
    throw fault("input", `'input' has ${list.length} elements; the limit is ${inputsMax}.`);
  }
  return list.map((text) => {
    if (typeof text === "string") return text;
    throw fault(
      "input",
      "Gemini takes texts, not tokens: 'input' must be a string or a list of strings.",
    );
  });
}

function vectorsIn(
  answer: JsonObject,
  count: number,
  upstreamName: string,
): (readonly unknown[])[] {
  const list = Array.isArray(answer["embeddings"]) ? answer["embeddings"] : [answer["embedding"]];
  const vectors = list.flatMap((one: unknown) => {
    const values = isJsonObject(one) ? one["values"] : undefined;
    return Array.isArray(values) ? [values as readonly unknown[]] : [];
  });
  if (vectors.length === count) return vectors;
  const message = `${upstreamName} sent ${vectors.length} embeddings for ${count} texts.`;
  throw new Failure("upstream_error", message);
}

function listOf(
  vectors: readonly (readonly unknown[])[],
  call: ProviderCall,
  usage: Usage | undefined,
): JsonObject {
  const isBase64 = call.request.value["encoding_format"] === "base64";
  const tokens = usage?.inputTokens ?? 0;
  return {
    object: "list",
    data: vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: isBase64 ? embeddingBase64(vector) : vector,
    })),
    model: bareName(call.model),
    // Older models do not count. Clients read two numbers here all the same; accounting hears that none is known.
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

function sum(first: Usage | undefined, second: Usage | undefined): Usage | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return { ...second, inputTokens: first.inputTokens + second.inputTokens };
}

const used = new Set([
  ...["model", "input", "dimensions", "encoding_format"],
  ...["task_type", "taskType", "title", "extra_body", "google"],
]);

function droppedOf(request: JsonObject): string[] {
  return Object.keys(request).filter((name) => request[name] != null && !used.has(name));
}
