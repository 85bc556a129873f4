import { Failure } from "../../errors.ts";
import { newId } from "../../lib/ids.ts";
import { makeEvent } from "../../protocol/sse.ts";
import type { SseEvent } from "../../protocol/sse.ts";
import type { EventStream, Provider, ProviderCall } from "../provider.ts";

/**
 * Answers when nobody else is configured, so that the first request of a newcomer gets a reply; and says in
 * every answer that it is a demo, so that nobody takes it for a model's.
 */
export const demoProvider: Provider = {
  send: (call) => {
    if (call.endpoint !== "chat") {
      const message =
        "No provider is configured, and the built-in demo only does /v1/chat/completions. Set OPENAI_API_KEY (or the variable of another provider, see docs/providers.md) and restart.";
      return Promise.reject(new Failure("unsupported_endpoint", message, { param: "model" }));
    }
    const head = { headers: {}, droppedParams: [] } as const;
    const identity = { id: `chatcmpl-${newId()}`, created: Math.floor(Date.now() / 1_000) };
    if (call.isStream) {
      return Promise.resolve({ kind: "stream", ...head, events: demoStream(identity, call) });
    }
    const value = {
      ...identity,
      object: "chat.completion",
      model: demoModel,
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: demoWords.join(" "), refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: noUsage,
    };
    const bytes = Buffer.from(JSON.stringify(value));
    return Promise.resolve({ kind: "whole", ...head, bytes, value, usage: nothingUsed });
  },
};

export const demoModel = "sentinel-demo";

const demoWords =
  "This is a demo answer from Sentinel itself: no provider is configured, so no model has read your message. Set OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, MISTRAL_API_KEY or OLLAMA_BASE_URL (docs/providers.md has more), restart Sentinel, and the same request gets a real answer.".split(
    " ",
  );

/** No model ran, and so no tokens were used. */
const nothingUsed = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};
const noUsage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };

/** About the pace of a quick model, so that a stream can be seen to stream. */
const wordMs = 15;

function demoStream(
  identity: { readonly id: string; readonly created: number },
  call: ProviderCall,
): EventStream {
  const chunk = (delta: object, finish: string | null): SseEvent =>
    makeEvent(
      JSON.stringify({
        ...identity,
        object: "chat.completion.chunk",
        model: demoModel,
        choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      }),
    );
  const options = call.request.value["stream_options"] as { include_usage?: boolean } | null;
  const usageChunk = {
    ...identity,
    object: "chat.completion.chunk",
    model: demoModel,
    choices: [],
    usage: noUsage,
  };
  let word = 0;
  let wake: (() => void) | undefined;
  return {
    next: async () => {
      if (word > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, wordMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      const content = demoWords[word];
      if (content !== undefined) {
        const isFirst = word++ === 0;
        const delta = isFirst ? { role: "assistant", content } : { content: ` ${content}` };
        return { events: [chunk(delta, null)], usage: undefined, isLast: false };
      }
      const events = [chunk({}, "stop")];
      if (options?.include_usage === true) events.push(makeEvent(JSON.stringify(usageChunk)));
      return { events, usage: nothingUsed, isLast: true };
    },
    cancel: () => wake?.(),
  };
}
