import { Failure } from "../../errors.ts";
import { parseExactly } from "../../lib/exact-json.ts";
import { changeFields, isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { endpoints } from "../../protocol/endpoints.ts";
import { wantsUsage } from "../../protocol/stream-options.ts";
import type { AdapterOptions } from "../adapter-options.ts";
import { noteUsage } from "../note-usage.ts";
import type { Provider, ProviderCall, ProviderReply, WholeReply } from "../provider.ts";
import { eventsOf, peek } from "../transport/peek.ts";
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
import type { UpstreamBody, UpstreamResponse } from "../transport/upstream-call.ts";
import type { UpstreamIdentity } from "../upstream-failure.ts";
import { ChatTaker } from "./answer/chat-taker.ts";
import { failureFrom, failureWithin } from "./from-error.ts";
import { AnthropicEvents, readEvent } from "./from-events.ts";
import type { EventTaker } from "./from-events.ts";
import { toCompletion } from "./from-response.ts";
import { MessageBuilder, streamOf } from "./answer/message-events.ts";
import { NativeTaker } from "./answer/native-taker.ts";
import { withOpenAiLimits } from "./answer/rate-limits.ts";
import { writeChat } from "./to-request.ts";
import type { WrittenChat } from "./to-request.ts";
import { readCounts } from "./answer/usage.ts";
import { apiVersion } from "./wire.ts";
import { basePathOf } from "../adapter-options.ts";
import { parseJsonAnswer } from "../transport/parse-answer.ts";
import { lacksEndpoint } from "../upstream-failure.ts";

/** Anthropic's Messages API: chats are translated, its own two endpoints go on as they are. */
export function anthropic(options: AdapterOptions): Provider {
  const basePath = basePathOf(options);
  const forwarded = forwardedHeaders(["anthropic-beta"], options);

  const ask = async (call: ProviderCall, written: WrittenRequest): Promise<ProviderReply> => {
    const path = call.endpoint === "chat" ? endpoints.messages.path : endpoints[call.endpoint].path;
    const native = await sendUpstream(options.pools, {
      method: "POST",
      path: `${basePath}${path}`,
      headers: requestHeaders(options, forwarded, call),
      body: written.body,
      signal: call.signal,
      deadlines: call.deadlines,
      deadlineTickMs: call.deadlineTickMs,
      upstreamName: options.name,
    });
    const response =
      call.endpoint === "chat"
        ? { ...native, headers: withOpenAiLimits(native.headers, Date.now()) }
        : native;
    const upstream = { name: options.name, key: call.apiKey, headers: options.headers };
    if (response.status < 200 || response.status > 299) {
      const bytes = await readAll(response.body, errorBytesMax, options.name);
      throw failureFrom(response, bytes, upstream, call.endpoint);
    }
    return reply(response, { call, upstream, written });
  };

  return {
    send: async (call) => {
      if (call.endpoint === "chat") return ask(call, writeChat(call));
      if (call.endpoint === "messages" || call.endpoint === "count_tokens") {
        return ask(call, { body: nativeBody(call), droppedParams: [], answerTool: undefined });
      }
      throw lacksEndpoint(call);
    },
  };
}

type WrittenRequest = Omit<WrittenChat, "body"> & { readonly body: Buffer | string };

/** A native request goes out as the bytes that came in; an alias is replaced by the model it stands for. */
function nativeBody({ request, requestBytes, model }: ProviderCall): Buffer | string {
  if (request.value["model"] === model) return requestBytes;
  return changeFields(request, new Map([["model", { value: JSON.stringify(model) }]]));
}

function requestHeaders(
  options: AdapterOptions,
  forwarded: readonly string[],
  call: ProviderCall,
): string[] {
  const accept = call.isStream ? "text/event-stream" : "application/json";
  const rules = headerRules(options);
  const headers = ["content-type", "application/json"];
  headers.push(...upstreamHeaders(rules, accept, call.apiKey));
  addForwarded(headers, forwarded, call.clientHeaders, rules.set);
  if (options.propagatesTrace === true) addTrace(headers, call, rules.set);
  if (rules.set["anthropic-version"] === undefined) {
    const asked = call.endpoint === "chat" ? undefined : call.clientHeaders["anthropic-version"];
    headers.push("anthropic-version", typeof asked === "string" ? asked : apiVersion);
  }
  return headers;
}

export function headerRules({ headers }: AdapterOptions): HeaderRules {
  return { keyHeader: "x-api-key", set: headers };
}

interface Answered {
  readonly call: ProviderCall;
  readonly upstream: UpstreamIdentity;
  readonly written: WrittenRequest;
}

/** The answer in the form that was asked for, whichever the server chose. */
async function reply(response: UpstreamResponse, answered: Answered): Promise<ProviderReply> {
  const { call, upstream, written } = answered;
  const head = {
    headers: repliedHeaders(response.headers),
    droppedParams: written.droppedParams,
  };
  if (call.isStream) {
    const events = eventsOf(response.body, {
      events: (body) => new AnthropicEvents(body, takerFor(answered), upstream.name),
      whole: (bytes) => streamOf(parseMessage(bytes, answered), takerFor(answered)),
      wholeBytesMax: answerBytesMax,
      upstreamName: upstream.name,
    });
    return { kind: "stream", ...head, events };
  }
  const { isStream, body } = await peek(response.body);
  const bytes = isStream
    ? await collect(body, answered)
    : await readAll(body, answerBytesMax, upstream.name);
  return { kind: "whole", ...head, ...wholeOf(parseMessage(bytes, answered), bytes, answered) };
}

function takerFor({ call, upstream, written }: Answered): EventTaker {
  if (call.endpoint !== "chat") return new NativeTaker(upstream);
  return new ChatTaker({
    upstream,
    answerTool: written.answerTool,
    showsUsage: wantsUsage(call.request),
    model: call.model,
    createdSeconds: nowSeconds(),
  });
}

function wholeOf(
  message: JsonObject,
  bytes: Buffer,
  { call, upstream, written }: Answered,
): Pick<WholeReply, "bytes" | "value" | "usage"> {
  // What counting tokens answers is a number of tokens, but none that were used.
  const usage = call.endpoint === "count_tokens" ? undefined : readCounts(message["usage"]);
  if (call.endpoint !== "chat") return { bytes, value: message, usage };
  noteUsage(call, usage); // What is said in it may be nothing that a chat can hold.
  const value = toCompletion(message, {
    answerTool: written.answerTool,
    createdSeconds: nowSeconds(),
    model: call.model,
    upstreamName: upstream.name,
  });
  return { bytes: Buffer.from(JSON.stringify(value)), value, usage };
}

function parseMessage(bytes: Buffer, { call, upstream }: Answered): JsonObject {
  const value = parseJsonAnswer(bytes, upstream.name, parseExactly);
  if (isJsonObject(value) && value["type"] === "error") throw failureWithin(value, upstream);
  const isMessage = isJsonObject(value) && Array.isArray(value["content"]);
  const isCount = call.endpoint === "count_tokens" && isJsonObject(value);
  if (isJsonObject(value) && (isMessage || isCount)) return value;
  throw new Failure("upstream_error", `${upstream.name} sent an answer that is no message.`);
}

/** The whole message of a stream that was not asked for. */
async function collect(body: UpstreamBody, { upstream }: Answered): Promise<Buffer> {
  const builder = new MessageBuilder();
  const native = new NativeTaker(upstream);
  const events = new AnthropicEvents(body, native, upstream.name);
  let bytes = 0;
  for (;;) {
    const batch = await events.next();
    for (const event of batch.events) {
      bytes += event.raw.length;
      if (event.data !== undefined) builder.add(readEvent(event, upstream));
    }
    if (batch.isLast) return Buffer.from(JSON.stringify(builder.build()));
    if (bytes > answerBytesMax) {
      events.cancel();
      throw new Failure(
        "upstream_error",
        `${upstream.name} sent more than ${answerBytesMax} bytes.`,
      );
    }
  }
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1_000);
}
