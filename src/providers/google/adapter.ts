import type { Usage } from "../../protocol/usage.ts";
import { wantsUsage } from "../../protocol/stream-options.ts";
import type { AdapterOptions } from "../adapter-options.ts";
import { noteUsage } from "../note-usage.ts";
import type { Provider, ProviderCall, ProviderReply } from "../provider.ts";
import { answerBytesMax, readAll } from "../transport/read-all.ts";
import { repliedHeaders } from "../transport/reply-headers.ts";
import { embed } from "./embeddings.ts";
import { readStream } from "./from-events.ts";
import { readWhole } from "./from-response.ts";
import { GeminiApi } from "./gemini-api.ts";
import { bareName } from "./model-generation.ts";
import { writeRequest } from "./to-request.ts";
import { lacksEndpoint } from "../upstream-failure.ts";

/** Google's Gemini API. (https://ai.google.dev/api, read 2026-11-21) */
export function google(options: AdapterOptions): Provider {
  const api = new GeminiApi(options);

  const chat = async (call: ProviderCall): Promise<ProviderReply> => {
    const { body, droppedParams, names } = writeRequest(call);
    const response = await api.ask(call, call.isStream ? "stream" : "generate", body);
    const head = { headers: repliedHeaders(response.headers), droppedParams };
    const context = {
      model: bareName(call.model),
      names,
      upstream: api.upstreamOf(call),
      serviceTier: response.headers["x-gemini-service-tier"],
      noteUsage: (usage: Usage | undefined) => {
        noteUsage(call, usage);
      },
    };
    if (call.isStream) {
      const events = readStream(response.body, context, wantsUsage(call.request));
      return { kind: "stream", ...head, events };
    }
    const bytes = await readAll(response.body, answerBytesMax, options.name);
    return { kind: "whole", ...head, ...readWhole(bytes, context) };
  };

  return {
    send: async (call) => {
      if (call.endpoint === "chat") return chat(call);
      if (call.endpoint === "embeddings") return embed(call, api);
      throw lacksEndpoint(call);
    },
  };
}
