import type { ProviderConfig } from "./config/gateway-config.ts";
import type { AdapterOptions } from "./providers/adapter-options.ts";
import { anthropic } from "./providers/anthropic/adapter.ts";
import { listModels as listAnthropicModels } from "./providers/anthropic/list-models.ts";
import { google } from "./providers/google/adapter.ts";
import { listModels as listGoogleModels } from "./providers/google/list-models.ts";
import { messagesThroughChat } from "./providers/messages/through-chat.ts";
import type { FetchModels } from "./providers/model-lists.ts";
import { openAiCompatible } from "./providers/openai-compatible/adapter.ts";
import { listModels } from "./providers/openai-compatible/list-models.ts";
import { quirksOf } from "./providers/openai-compatible/quirks.ts";
import type { Provider } from "./providers/provider.ts";

/** A vendor's adapter, and what is known of its models. */
export interface Adapter {
  readonly provider: Provider;
  /** Undefined for a vendor whose list does not name what can be called. */
  readonly fetchModels: FetchModels | undefined;
  readonly modelPrefixes: readonly string[];
}

/** The adapter for a provider's type: the one place that knows them all. */
export function adapterOf(
  config: {
    readonly type: Exclude<ProviderConfig["type"], "demo">;
    readonly apiVersion: string | undefined;
  },
  options: AdapterOptions,
): Adapter {
  switch (config.type) {
    case "anthropic":
      return {
        provider: anthropic(options),
        fetchModels: (signal) => listAnthropicModels(options, signal),
        modelPrefixes: ["claude-"],
      };
    case "google":
      return {
        provider: messagesThroughChat(google(options)),
        fetchModels: (signal) => listGoogleModels(options, signal),
        modelPrefixes: ["gemini-", "gemma-"],
      };
    default: {
      const quirks = quirksOf[config.type];
      const compatible = { ...options, quirks, apiVersion: config.apiVersion };
      return {
        provider: messagesThroughChat(openAiCompatible(compatible)),
        fetchModels: quirks.listsEveryModel
          ? (signal) => listModels(compatible, signal)
          : undefined,
        modelPrefixes: quirks.modelPrefixes,
      };
    }
  }
}
