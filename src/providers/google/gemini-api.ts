import type { AdapterOptions } from "../adapter-options.ts";
import type { ProviderCall } from "../provider.ts";
import { errorBytesMax, readAll } from "../transport/read-all.ts";
import {
  addForwarded,
  addTrace,
  forwardedHeaders,
  upstreamHeaders,
} from "../transport/request-headers.ts";
import { sendUpstream } from "../transport/send.ts";
import type { UpstreamResponse } from "../transport/upstream-call.ts";
import type { UpstreamIdentity } from "../upstream-failure.ts";
import { failureFrom } from "./from-error.ts";
import { bareName } from "./model-generation.ts";
import { basePathOf } from "../adapter-options.ts";

/** What is asked of a model; `stream` is the first of them, in pieces. */
export type Action = "generate" | "stream" | "embed" | "embed-many" | "count";

const methods = {
  generate: "generateContent",
  stream: "streamGenerateContent?alt=sse",
  embed: "embedContent",
  "embed-many": "batchEmbedContents",
  count: "countTokens",
} as const satisfies Record<Action, string>;

/** Google's models behind their own API. The key goes in a header: addresses end up in logs. */
export class GeminiApi {
  readonly #options: AdapterOptions;
  readonly #basePath: string;
  readonly #forwarded: readonly string[];

  constructor(options: AdapterOptions) {
    this.#options = options;
    this.#basePath = basePathOf(options);
    this.#forwarded = forwardedHeaders([], options);
  }

  /** The answer with a good status; rejects with a `Failure` for any other. */
  async ask(call: ProviderCall, action: Action, body: object): Promise<UpstreamResponse> {
    const { name, headers: set, pools, propagatesTrace } = this.#options;
    const accept = action === "stream" ? "text/event-stream" : "application/json";
    const rules = { keyHeader: "x-goog-api-key", set } as const;
    const headers = ["content-type", "application/json"];
    headers.push(...upstreamHeaders(rules, accept, call.apiKey));
    addForwarded(headers, this.#forwarded, call.clientHeaders, set);
    if (propagatesTrace === true) addTrace(headers, call, set);
    const response = await sendUpstream(pools, {
      method: "POST",
      path: `${this.#basePath}/${pathOf(call.model)}:${methods[action]}`,
      headers,
      body: JSON.stringify(body),
      signal: call.signal,
      deadlines: call.deadlines,
      deadlineTickMs: call.deadlineTickMs,
      upstreamName: name,
    });
    if (response.status >= 200 && response.status <= 299) return response;
    const bytes = await readAll(response.body, errorBytesMax, name);
    throw failureFrom(response, bytes, this.upstreamOf(call));
  }

  /** How messages name the provider, and what they must not show. */
  upstreamOf({ apiKey }: ProviderCall): UpstreamIdentity {
    const { name, headers } = this.#options;
    return { name, key: apiKey, headers };
  }
}

/** The model as Gemini's requests name it, where they do. */
export function resourceName(model: string): string {
  return model.startsWith("tunedModels/") ? model : `models/${bareName(model)}`;
}

/** A client chooses the name, so nothing in it may lead elsewhere than to a model. */
function pathOf(model: string): string {
  const resource = resourceName(model).toWellFormed();
  const slash = resource.indexOf("/");
  return `${resource.slice(0, slash)}/${encodeURIComponent(resource.slice(slash + 1))}`;
}
