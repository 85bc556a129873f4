import type { ProviderConfig } from "./config/gateway-config.ts";
import type { AdapterOptions } from "./providers/adapter-options.ts";
import { anthropic } from "./providers/anthropic/adapter.ts";
import { listModels as listAnthropicModels } from "./providers/anthropic/list-models.ts";
import { google } from "./providers/google/adapter.ts";
import { countTokens } from "./providers/google/count-tokens.ts";
import { listModels as listGoogleModels } from "./providers/google/list-models.ts";
import { messagesThroughChat } from "./providers/messages/through-chat.ts";
import { withoutCarriedThinking } from "./providers/messages/without-carried-thinking.ts";
import { listWithAnyKey } from "./providers/model-lists.ts";
import type { FetchModels } from "./providers/model-lists.ts";
import { openAiCompatible } from "./providers/openai-compatible/adapter.ts";
import { listModels } from "./providers/openai-compatible/list-models.ts";
import { quirksFor } from "./providers/openai-compatible/vendor-quirks.ts";
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
        provider: withoutCarriedThinking(anthropic(options)),
        fetchModels: (signal) =>
          listWithAnyKey(options.apiKeys, (apiKeys) =>
            listAnthropicModels({ ...options, apiKeys }, signal),
          ),
        modelPrefixes: ["claude-"],
      };
    case "google":
      return {
        provider: messagesThroughChat(google(options), {
          countTokens: countTokens(options),
          takesTopK: true,
        }),
        fetchModels: (signal) =>
          listWithAnyKey(options.apiKeys, (apiKeys) =>
            listGoogleModels({ ...options, apiKeys }, signal),
          ),
        modelPrefixes: ["gemini-", "gemma-"],
      };
    default: {
      const quirks = quirksFor({ type: config.type, baseUrl: options.baseUrl });
      const compatible = { ...options, quirks, apiVersion: config.apiVersion };
      return {
        provider: messagesThroughChat(openAiCompatible(compatible), {
          maxTokensField: quirks.answers.areOpenAis ? "max_completion_tokens" : "max_tokens",
          takesReasoning: (quirks.messages.thoughtFields ?? []).length > 0,
          takesCacheControl: quirks.messages.usesCacheControl,
          takesTopK: quirks.request.takesTopK,
          effortModels: quirks.request.effortModels,
        }),
        fetchModels: quirks.listsEveryModel
          ? (signal) =>
              listWithAnyKey(options.apiKeys, (apiKeys) =>
                listModels({ ...compatible, apiKeys }, signal),
              )
          : undefined,
        modelPrefixes: quirks.modelPrefixes,
      };
    }
  }
}
