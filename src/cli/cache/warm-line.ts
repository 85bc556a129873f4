import { Failure } from "../../errors.ts";
import { isJsonObject, readJsonObject } from "../../lib/json-text.ts";
import type { JsonObject, JsonText } from "../../lib/json-text.ts";
import type { CachedEndpoint } from "../../pipeline/cache/cache-store.ts";
import { readCacheControls } from "../../pipeline/cache/controls.ts";
import { isCachedEndpoint, judgeRequest } from "../../pipeline/cache/eligibility.ts";
import type { RequestBypassReason } from "../../pipeline/cache/eligibility.ts";
import { keyDepthMax } from "../../pipeline/cache/key.ts";
import { checkRequest } from "../../protocol/check-request.ts";
import { endpoints } from "../../protocol/endpoints.ts";
import type { Endpoint } from "../../protocol/endpoints.ts";
import { cacheRules } from "../../tenants/cache-policy.ts";
import { promptBody, takesNoSystem } from "./prompt-body.ts";
import type { PromptOptions } from "./prompt-body.ts";

export interface WarmOptions extends PromptOptions {
  /** Where lines go that do not say; undefined: to chats. */
  readonly endpoint: CachedEndpoint | undefined;
}

/** What a line asks for. Problems end a sentence about the line, and repeat nothing of it: it may hold a prompt. */
export type WarmLine =
  | WarmRequest
  | { readonly kind: "blank" }
  | { readonly kind: "problem"; readonly problem: string }
  /** Whatever its answer is, it will not be kept. */
  | { readonly kind: "uncacheable"; readonly reason: RequestBypassReason };

export interface WarmRequest {
  readonly kind: "request";
  readonly endpoint: CachedEndpoint;
  /** To be sent as it is: of a request that is written out, the very text. */
  readonly body: string;
}

export const pathOf = (endpoint: Endpoint): string => `/v1${endpoints[endpoint].path}`;

/** The endpoints that can be warmed, by the path that a batch's line names. */
export const warmPaths: ReadonlyMap<string, CachedEndpoint> = new Map(
  (Object.keys(endpoints) as Endpoint[])
    .filter(isCachedEndpoint)
    .map((endpoint) => [pathOf(endpoint), endpoint]),
);

/**
 * One line of a file of prompts: a request's whole body, one wrapped as a line of OpenAI's batch files, `{"prompt": …}`, or
 * a prompt as plain text. A line that begins with a brace is JSON.
 * (https://platform.openai.com/docs/guides/batch, "Preparing your batch file", read 2026-11-21)
 */
export function readWarmLine(text: string, options: WarmOptions): WarmLine {
  try {
    return read(text, options);
  } catch (error) {
    if (error instanceof LineProblem) return { kind: "problem", problem: error.message };
    if (error instanceof Failure) return { kind: "problem", problem: asEnding(error.message) };
    throw error;
  }
}

class LineProblem extends Error {
  override readonly name = "LineProblem";
}

function read(text: string, options: WarmOptions): WarmLine {
  const trimmed = text.trim();
  if (trimmed === "") return { kind: "blank" };
  if (/^\[\s*(?:$|\{)/.test(trimmed)) {
    throw new LineProblem("begins a JSON list; write one request a line, without the brackets");
  }
  if (!trimmed.startsWith("{")) return askPrompt({ text, system: undefined }, options);
  const json = parse(trimmed);
  const { value } = json;
  if (isJsonObject(value["body"])) return unwrap(json, trimmed, options);
  if (isPromptLine(value)) return askPrompt(promptOf(value), options);
  return judge(options.endpoint ?? endpointOf(value), trimmed, value);
}

function parse(text: string): JsonText {
  const json = readJsonObject(text, keyDepthMax);
  if (!("problem" in json)) return json;
  if (json.problem === "too_deep") throw new LineProblem("nests too deep");
  const at = json.problem === "malformed" ? json.position : undefined;
  const place = at === undefined ? "" : `, near character ${at + 1}`;
  throw new LineProblem(
    `begins with a brace and is no JSON object${place}; a prompt that does must be written as {"prompt": "…"}`,
  );
}

/** `{"custom_id", "method", "url", "body"}`: the text of the body is kept as it is. */
function unwrap(json: JsonText, text: string, options: WarmOptions): WarmLine {
  const { method = "POST", url, endpoint = url, body } = json.value;
  if (method !== "POST") throw new LineProblem("must have the method POST");
  const field = json.fields.find(({ key }) => key === "body");
  if (json.text !== text || field === undefined) throw new LineProblem("has a field twice");
  if (!isJsonObject(body)) throw new LineProblem("must have a body that is a JSON object");
  const named = endpoint === undefined ? undefined : endpointAt(endpoint);
  const bodyText = text.slice(field.start, field.end).trim();
  return judge(named ?? options.endpoint ?? endpointOf(body), bodyText, body);
}

function endpointAt(url: unknown): CachedEndpoint {
  const path = typeof url === "string" ? url.replace(/^https?:\/\/[^/]+/, "") : "";
  const found = warmPaths.get(path);
  if (found !== undefined) return found;
  throw new LineProblem(`must have a url that is one of ${[...warmPaths.keys()].join(", ")}`);
}

/** Where a body goes that does not say so. Two endpoints take an `input`, and a guess would be paid for. */
function endpointOf(body: JsonObject): CachedEndpoint {
  if (body["messages"] !== undefined) return "chat";
  if (body["input"] !== undefined) {
    throw new LineProblem(
      "has an input, which /v1/responses and /v1/embeddings take: say which with --endpoint, or wrap it with a url",
    );
  }
  if (body["prompt"] !== undefined) {
    throw new LineProblem(
      "has a prompt and further fields: for a request to /v1/completions say --endpoint /v1/completions; for a prompt leave prompt and system alone in it, and give the rest as options",
    );
  }
  return "chat";
}

const isPromptLine = (value: JsonObject): boolean =>
  "prompt" in value && Object.keys(value).every((name) => name === "prompt" || name === "system");

function promptOf({ prompt, system }: JsonObject): { text: string; system: string | undefined } {
  if (typeof prompt !== "string" || prompt === "")
    throw new LineProblem("must have a prompt that is text");
  if (system !== undefined && typeof system !== "string") {
    throw new LineProblem("must have a system prompt that is text");
  }
  return { text: prompt, system };
}

function askPrompt(
  prompt: { readonly text: string; readonly system: string | undefined },
  options: WarmOptions,
): WarmLine {
  const { endpoint = "chat", model, fields, system } = options;
  if (model === undefined && fields["model"] === undefined) {
    throw new LineProblem("is a prompt alone: say which model is to answer it with --model");
  }
  if (takesNoSystem.has(endpoint) && (prompt.system ?? system) !== undefined) {
    throw new LineProblem(`has a system prompt, which ${pathOf(endpoint)} does not take`);
  }
  const body = promptBody(endpoint, prompt, options);
  return judge(endpoint, JSON.stringify(body), body);
}

/** Throws what the gateway would refuse, so that nothing is sent for it. */
function judge(endpoint: CachedEndpoint, body: string, value: JsonObject): WarmLine {
  checkRequest(endpoints[endpoint].schema, value);
  const verdict = judgeRequest({ endpoint, request: value, rules: openRules, controls: optedIn });
  if (verdict.kind === "bypass") return { kind: "uncacheable", reason: verdict.reason };
  return { kind: "request", endpoint, body };
}

/** The tenant's own rules are the gateway's to know. */
const openRules = cacheRules([]);
const optedIn = readCacheControls({ "x-sentinel-cache": "on" });

/** A sentence of the gateway about a request, as the end of one about a line. */
const asEnding = (message: string): string => `is not right: ${message.replace(/\.$/, "")}`;
