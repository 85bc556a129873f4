import { fromObject } from "../src/lib/json-text.ts";
import type { JsonObject } from "../src/lib/json-text.ts";
import type { Endpoint } from "../src/protocol/endpoints.ts";
import { Conversation } from "../src/providers/conversation.ts";
import { defaultDeadlines } from "../src/providers/deadlines.ts";
import type { Provider, ProviderCall } from "../src/providers/provider.ts";
import { adapterOf } from "../src/wiring-adapters.ts";
import { describeMachine } from "./harness/machine.ts";
import { streamingPools } from "./translation/streaming-pool.ts";
import { anthropicStream, geminiStream, openAiStream } from "./translation/vendor-streams.ts";
import type { VendorStream } from "./translation/vendor-streams.ts";

/**
 * `npm run bench:translation`: what a stream's chunk costs in the adapters, in CPU microseconds: passed on as
 * it came, and translated from each vendor to each client. All ways in one run, in turns.
 */
interface Way {
  readonly name: string;
  readonly type: "openai" | "anthropic" | "google";
  readonly endpoint: Endpoint & ("chat" | "messages");
  readonly stream: VendorStream;
}

const ways: readonly Way[] = [
  {
    name: "chat from OpenAI (untranslated)",
    type: "openai",
    endpoint: "chat",
    stream: openAiStream(),
  },
  { name: "chat from Anthropic", type: "anthropic", endpoint: "chat", stream: anthropicStream() },
  { name: "chat from Gemini", type: "google", endpoint: "chat", stream: geminiStream() },
  {
    name: "messages from Anthropic (untranslated)",
    type: "anthropic",
    endpoint: "messages",
    stream: anthropicStream(),
  },
  { name: "messages from OpenAI", type: "openai", endpoint: "messages", stream: openAiStream() },
  { name: "messages from Gemini", type: "google", endpoint: "messages", stream: geminiStream() },
];

const roundCount = 9;
const streamsPerRound = 40;

const contenders = ways.map((way) => ({ way, send: senderOf(way), microseconds: [] as number[] }));
for (const { send } of contenders) for (let n = 0; n < streamsPerRound; n++) await send();
for (let round = 0; round < roundCount; round++) {
  for (const { way, send, microseconds } of contenders) {
    const before = process.cpuUsage();
    for (let n = 0; n < streamsPerRound; n++) await send();
    const { user, system } = process.cpuUsage(before);
    microseconds.push((user + system) / (streamsPerRound * way.stream.textCount));
  }
}

console.log(`${describeMachine()}\n`);
console.log("| way | CPU µs per chunk | × untranslated chat |\n| --- | --- | --- |");
const untranslated = contenders[0]?.microseconds ?? [];
for (const { way, microseconds } of contenders) {
  const ratios = microseconds.map((value, round) => value / (untranslated[round] ?? Number.NaN));
  console.log(`| ${way.name} | ${spread(microseconds)} | ${spread(ratios)} |`);
}
console.log(
  "\nmedian (least–most) of the rounds; one turn of the event loop per chunk is part of each figure",
);
process.exit(0);

/** Sends one request through the adapter and reads its stream to the end, as the HTTP layer would. */
function senderOf({ type, endpoint, stream }: Way): () => Promise<void> {
  const { provider } = adapterOf(
    { type, apiVersion: undefined },
    {
      name: type,
      baseUrl: "http://127.0.0.1:9/v1",
      apiKeys: [],
      headers: {},
      forwardHeaders: [],
      pools: streamingPools(stream.chunks),
    },
  );
  const request = {
    model: "m",
    max_tokens: 1_000,
    stream: true,
    messages: [{ role: "user", content: "Hi" }],
  };
  return () => readToEnd(provider, callOf(endpoint, request));
}

async function readToEnd(provider: Provider, call: ProviderCall): Promise<void> {
  const reply = await provider.send(call);
  if (reply.kind === "whole") throw new Error("a whole answer came in place of a stream");
  for (;;) {
    const { events, isLast } = await reply.events.next();
    if (events.length > 1) Buffer.concat(events.map(({ raw }) => raw));
    if (isLast) return;
  }
}

function callOf(endpoint: Endpoint, value: JsonObject): ProviderCall {
  const request = fromObject(value);
  const model = "m";
  return {
    endpoint,
    request,
    requestBytes: Buffer.from(request.text),
    model,
    isStream: true,
    conversation: new Conversation({ tenantId: "t", endpoint, model, request }),
    pin: undefined,
    apiKey: undefined,
    clientHeaders: {},
    signal: new AbortController().signal,
    deadlines: defaultDeadlines,
    startedTickMs: performance.now(),
    deadlineTickMs: Number.POSITIVE_INFINITY,
    attempts: [],
  };
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN).toFixed(2);
  return `${at(0.5)} (${at(0)}–${at(1)})`;
}
