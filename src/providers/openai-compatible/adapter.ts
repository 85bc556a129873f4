import { Failure } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import { endpoints } from "../../protocol/endpoints.ts";
import type { Endpoint } from "../../protocol/endpoints.ts";
import type { Provider, ProviderCall, ProviderReply } from "../provider.ts";
import type { UpstreamPools } from "../transport/pools.ts";
import { readAll } from "../transport/read-all.ts";
import { sendUpstream } from "../transport/send.ts";
import type { UpstreamBody, UpstreamResponse } from "../transport/upstream-call.ts";
import { Credentials } from "./credentials.ts";
import { failureFrom } from "./from-error.ts";
import { CompatibleEvents } from "./from-events.ts";
import { readWhole } from "./from-response.ts";
import type { Quirks } from "./quirks.ts";
import { repliedHeaders } from "./reply-headers.ts";
import { writeRequest } from "./to-request.ts";
import { wholeAsEvents } from "./whole-as-events.ts";

export interface CompatibleOptions {
  readonly name: string;
  readonly quirks: Quirks;
  /** With the version in its path and no slash at the end: `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  readonly apiKeys: readonly string[];
  /** Azure's `api-version`; without it Azure's versionless `/openai/v1` is used. */
  readonly apiVersion: string | undefined;
  /** Headers that the operator adds to every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** The client's headers that the operator lets through, besides those that the vendor has a use for. */
  readonly forwardHeaders: readonly string[];
  readonly pools: UpstreamPools;
  readonly clock: Clock;
}

/** No provider's whole answer is larger; what is would fill the memory. */
const answerBytesMax = 128 * 1024 * 1024;
const errorBytesMax = 1024 * 1024;

/** Any server that speaks OpenAI's API, with the vendor's differences taken from its quirks. */
export function openAiCompatible(options: CompatibleOptions): Provider {
  const { name, quirks } = options;
  const credentials = new Credentials(options.apiKeys, options.clock);
  const paths = new UpstreamPaths(options);
  const forwarded = forwardedHeaders(options);

  const attempt = async (call: ProviderCall, key: string | undefined): Promise<ProviderReply> => {
    const written = writeRequest(call, quirks);
    const response = await sendUpstream(options.pools, {
      method: "POST",
      path: paths.of(call.endpoint, call.model),
      headers: requestHeaders(options, forwarded, call, key),
      body: written.body,
      signal: call.signal,
      deadlines: call.deadlines,
      deadlineTickMs: call.deadlineTickMs,
      upstreamName: name,
    });
    const upstream = { name, key };
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
    send: async (call) => {
      if (!quirks.endpoints.has(call.endpoint)) {
        const path = `/v1${endpoints[call.endpoint].path}`;
        const message = `The provider of model '${call.model}' does not have ${path}.`;
        throw new Failure("unsupported_endpoint", message, { param: "model" });
      }
      for (;;) {
        const key = credentials.next();
        try {
          return await attempt(call, key);
        } catch (failure) {
          if (key === undefined || !isCredentialRefused(failure)) throw failure;
          credentials.noteRefused(key);
          if (!credentials.hasOthers) throw failure;
        }
      }
    },
  };
}

function isCredentialRefused(failure: unknown): boolean {
  return (
    failure instanceof Failure &&
    failure.kind === "provider_rejected" &&
    (failure.status === 401 || failure.status === 402 || failure.status === 403)
  );
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

/** Whatever the operator lists: these are the client's own credentials and the connection's own matters. */
const neverForwarded = new Set(["authorization", "x-api-key", "api-key", "cookie", "host"]);
const ownHeaders = new Set(["content-type", "content-length", "accept", "accept-encoding"]);
const hopByHop = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "te",
  "upgrade",
  "trailer",
]);

function forwardedHeaders(options: CompatibleOptions): readonly string[] {
  const traced = options.quirks.isSelfHosted ? ["traceparent", "tracestate"] : [];
  const listed = options.forwardHeaders.map((name) => name.toLowerCase());
  return [...new Set([...options.quirks.forwardedHeaders, ...listed, ...traced])].filter(
    (name) => !neverForwarded.has(name) && !ownHeaders.has(name) && !hopByHop.has(name),
  );
}

function requestHeaders(
  options: CompatibleOptions,
  forwarded: readonly string[],
  call: ProviderCall,
  key: string | undefined,
): string[] {
  const accept = call.isStream ? "text/event-stream" : "application/json";
  const headers = ["content-type", "application/json", ...upstreamHeaders(options, accept, key)];
  for (const name of forwarded) {
    const value = call.clientHeaders[name];
    if (typeof value === "string" && options.headers[name] === undefined) headers.push(name, value);
  }
  return headers;
}

/** What every request to the vendor carries. What an operator sets takes the place of Sentinel's own. */
export function upstreamHeaders(
  { quirks: { keyHeader }, headers: set }: CompatibleOptions,
  accept: string,
  key: string | undefined,
): string[] {
  const headers = ["accept-encoding", "identity", "accept", accept];
  if (key !== undefined && set[keyHeader] === undefined) {
    headers.push(keyHeader, keyHeader === "authorization" ? `Bearer ${key}` : key);
  }
  if (set["user-agent"] === undefined) headers.push("user-agent", "sentinel");
  for (const name in set) headers.push(name, set[name] ?? "");
  return headers;
}
