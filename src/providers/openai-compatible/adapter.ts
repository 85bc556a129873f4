import type { AdapterOptions } from "../adapter-options.ts";
import type { Provider, ProviderCall, ProviderReply } from "../provider.ts";
import { eventsOf } from "../transport/peek.ts";
import { answerBytesMax, errorBytesMax, readAll } from "../transport/read-all.ts";
import { repliedHeaders } from "../transport/reply-headers.ts";
import {
  addForwarded,
  addTrace,
  forwardedHeaders,
  upstreamHeaders,
} from "../transport/request-headers.ts";
import type { HeaderRules } from "../transport/request-headers.ts";
import { sendUpstream } from "../transport/send.ts";
import { failureFrom } from "./from-error.ts";
import { CompatibleEvents } from "./from-events.ts";
import { readWhole } from "./from-response.ts";
import type { Quirks } from "./quirks.ts";
import { writeRequest } from "./to-request.ts";
import { UpstreamPaths } from "./upstream-paths.ts";
import { wholeAsEvents } from "./whole-as-events.ts";
import { lacksEndpoint } from "../upstream-failure.ts";

export interface CompatibleOptions extends AdapterOptions {
  readonly quirks: Quirks;
  /** Azure's `api-version`; without it Azure's versionless `/openai/v1` is used. */
  readonly apiVersion: string | undefined;
}

/** Any server that speaks OpenAI's API, with the vendor's differences taken from its quirks. */
export function openAiCompatible(options: CompatibleOptions): Provider {
  const { name } = options;
  const quirks = ofVersion(options.quirks, options.apiVersion);
  const paths = new UpstreamPaths(options);
  const forwarded = forwardedHeaders(quirks.forwardedHeaders, options);

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
    const upstream = { name, key: call.apiKey, headers: options.headers };
    if (response.status < 200 || response.status > 299) {
      throw failureFrom(response, await readAll(response.body, errorBytesMax, name), upstream);
    }
    const head = {
      headers: repliedHeaders(response.headers),
      droppedParams: written.droppedParams,
    };
    const whole = (bytes: Buffer): ReturnType<typeof readWhole> =>
      readWhole(bytes, call, quirks.answers, upstream);
    if (!call.isStream) {
      const bytes = await readAll(response.body, answerBytesMax, name);
      return { kind: "whole", ...head, ...whole(bytes) };
    }
    const events = eventsOf(response.body, {
      events: (body) => new CompatibleEvents(body, call, quirks.answers, upstream),
      whole: (bytes) => wholeAsEvents(whole(bytes), call, name),
      wholeBytesMax: answerBytesMax,
      upstreamName: name,
    });
    return { kind: "stream", ...head, events };
  };

  return {
    send: (call) => {
      if (quirks.endpoints.has(call.endpoint)) return ask(call);
      return Promise.reject(lacksEndpoint(call));
    },
  };
}

/** Versions are dates, which sort as text. */
function ofVersion(quirks: Quirks, apiVersion: string | undefined): Quirks {
  const { streamOptionsSince: since } = quirks.request;
  if (since === undefined || apiVersion === undefined || apiVersion >= since) return quirks;
  return { ...quirks, request: { ...quirks.request, takesStreamOptions: false } };
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
  if (options.propagatesTrace === true) addTrace(headers, call, rules.set);
  return headers;
}

export function headerRules({ quirks, headers }: CompatibleOptions): HeaderRules {
  return { keyHeader: quirks.keyHeader, set: headers };
}
