import { Failure } from "../../errors.ts";
import { endpoints } from "../../protocol/endpoints.ts";
import type { Endpoint } from "../../protocol/endpoints.ts";
import type { AdapterOptions } from "../adapter-options.ts";
import type { Provider, ProviderCall, ProviderReply } from "../provider.ts";
import { readAll } from "../transport/read-all.ts";
import { repliedHeaders } from "../transport/reply-headers.ts";
import { addForwarded, forwardedHeaders, upstreamHeaders } from "../transport/request-headers.ts";
import type { HeaderRules } from "../transport/request-headers.ts";
import { sendUpstream } from "../transport/send.ts";
import type { UpstreamBody, UpstreamResponse } from "../transport/upstream-call.ts";
import { failureFrom } from "./from-error.ts";
import { CompatibleEvents } from "./from-events.ts";
import { readWhole } from "./from-response.ts";
import type { Quirks } from "./quirks.ts";
import { writeRequest } from "./to-request.ts";
import { wholeAsEvents } from "./whole-as-events.ts";

export interface CompatibleOptions extends AdapterOptions {
  readonly quirks: Quirks;
  /** Azure's `api-version`; without it Azure's versionless `/openai/v1` is used. */
  readonly apiVersion: string | undefined;
}

/** No provider's whole answer is larger; what is would fill the memory. */
const answerBytesMax = 128 * 1024 * 1024;
const errorBytesMax = 1024 * 1024;

/** Any server that speaks OpenAI's API, with the vendor's differences taken from its quirks. */
export function openAiCompatible(options: CompatibleOptions): Provider {
  const { name, quirks } = options;
  const paths = new UpstreamPaths(options);
  const traced = quirks.isSelfHosted ? ["traceparent", "tracestate"] : [];
  const forwarded = forwardedHeaders(
    [...quirks.forwardedHeaders, ...traced],
    options.forwardHeaders,
  );

  const ask = async (call: ProviderCall): Promise<ProviderReply> => {
    const written = writeRequest(call, quirks);
    const response = await sendUpstream(options.pools, {
      method: "POST",
      path: paths.of(call.endpoint, call.model),
      headers: requestHeaders(options, forwarded, call),
      body: written.body,
      signal: call.signal,
      deadlines: call.deadlines,
      deadlineTickMs: call.deadlineTickMs,
      upstreamName: name,
    });
    const upstream = { name, key: call.apiKey };
    if (response.status < 200 || response.status > 299) {
      throw failureFrom(response, await readAll(response.body, errorBytesMax, name), upstream);
    }
    const head = {
      headers: repliedHeaders(response.headers),
      droppedParams: written.droppedParams,
    };
    const body = call.isStream ? await peek(response) : { isStream: false, body: response.body };
    if (body.isStream) {
      const events = new CompatibleEvents(body.body, call, quirks, upstream);
      return { kind: "stream", ...head, events };
    }
    const bytes = await readAll(body.body, answerBytesMax, name);
    const whole = readWhole(bytes, call, quirks, upstream);
    if (!call.isStream) return { kind: "whole", ...head, ...whole };
    return { kind: "stream", ...head, events: wholeAsEvents(whole, call, name) };
  };

  return {
    send: (call) => {
      if (quirks.endpoints.has(call.endpoint)) return ask(call);
      const path = `/v1${endpoints[call.endpoint].path}`;
      const message = `The provider of model '${call.model}' does not have ${path}.`;
      return Promise.reject(new Failure("unsupported_endpoint", message, { param: "model" }));
    },
  };
}

/**
 * Whether a stream came, as asked. A label of `text/event-stream` is believed; with any other the first
 * character tells, because servers mislabel streams, and some have only a whole answer.
 */
async function peek(
  response: UpstreamResponse,
): Promise<{ isStream: boolean; body: UpstreamBody }> {
  const { body } = response;
  const label = String(response.headers["content-type"] ?? "");
  if (label.toLowerCase().startsWith("text/event-stream")) return { isStream: true, body };
  const seen: Buffer[] = [];
  let begins = "";
  while (begins === "") {
    const part = await body.next();
    if (part === undefined) break;
    seen.push(part);
    begins = part.toString("latin1").trimStart().slice(0, 1);
  }
  const replayed: UpstreamBody = {
    next: () => {
      const part = seen.shift();
      return part === undefined ? body.next() : Promise.resolve(part);
    },
    cancel: () => {
      body.cancel();
    },
    drain: () => {
      body.drain();
    },
  };
  return { isStream: begins !== "" && !/[[{<]/.test(begins), body: replayed };
}

/** Paths are put together once for each endpoint and model, not once a request. */
class UpstreamPaths {
  readonly #options: CompatibleOptions;
  readonly #basePath: string;
  readonly #plain = new Map<Endpoint, string>();

  constructor(options: CompatibleOptions) {
    this.#options = options;
    this.#basePath = new URL(options.baseUrl).pathname.replace(/\/+$/, "");
  }

  of(endpoint: Endpoint, model: string): string {
    const { quirks, apiVersion } = this.#options;
    const { path } = endpoints[endpoint];
    if (quirks.paths === "deployments") {
      const root = this.#basePath.replace(/\/openai(\/v1)?$/, "");
      if (apiVersion === undefined) return `${root}/openai/v1${path}`;
      const query = `?api-version=${encodeURIComponent(apiVersion)}`;
      if (endpoint === "responses") return `${root}/openai${path}${query}`;
      return `${root}/openai/deployments/${encodeURIComponent(model)}${path}${query}`;
    }
    const known = this.#plain.get(endpoint);
    if (known !== undefined) return known;
    const made = `${this.#basePath}${path}`;
    this.#plain.set(endpoint, made);
    return made;
  }
}

function requestHeaders(
  options: CompatibleOptions,
  forwarded: readonly string[],
  call: ProviderCall,
): string[] {
  const accept = call.isStream ? "text/event-stream" : "application/json";
  const rules = headerRules(options);
  const headers = ["content-type", "application/json"];
  headers.push(...upstreamHeaders(rules, accept, call.apiKey));
  addForwarded(headers, forwarded, call.clientHeaders, rules.set);
  return headers;
}

export function headerRules({ quirks, headers }: CompatibleOptions): HeaderRules {
  return { keyHeader: quirks.keyHeader, set: headers };
}
