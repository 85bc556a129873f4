import type { JsonObject } from "../../lib/json-text.ts";
import type { CachedEndpoint } from "../../pipeline/cache/cache-store.ts";

/** A prompt alone, as a line of a file has it. */
export interface Prompt {
  readonly text: string;
  readonly system: string | undefined;
}

/** What the options say of every prompt. */
export interface PromptOptions {
  readonly model: string | undefined;
  readonly system: string | undefined;
  /** More fields of the request; they go on top. */
  readonly fields: JsonObject;
}

/**
 * The request that asks a prompt, at temperature 0: with any other it would not be the one that is answered from the
 * cache. It is equal to the app's in all that the key is made of only if the app's has no further fields.
 */
export function promptBody(
  endpoint: CachedEndpoint,
  prompt: Prompt,
  { model, system, fields }: PromptOptions,
): JsonObject {
  const asked = bodyMakers[endpoint](prompt.text, prompt.system ?? system);
  const temperature = endpoint === "embeddings" ? {} : { temperature: 0 };
  return { ...(model !== undefined && { model }), ...asked, ...temperature, ...fields };
}

type MakeBody = (prompt: string, system: string | undefined) => JsonObject;

const bodyMakers: Readonly<Record<CachedEndpoint, MakeBody>> = {
  chat: (prompt, system) => ({ messages: [...systemMessage(system), userMessage(prompt)] }),
  messages: (prompt, system) => ({
    ...(system !== undefined && { system }),
    messages: [userMessage(prompt)],
  }),
  responses: (prompt, system) => ({
    ...(system !== undefined && { instructions: system }),
    input: prompt,
  }),
  completions: (prompt) => ({ prompt }),
  embeddings: (prompt) => ({ input: prompt }),
};

const userMessage = (content: string) => ({ role: "user", content });

const systemMessage = (content: string | undefined) =>
  content === undefined ? [] : [{ role: "system", content }];

/** Endpoints whose requests have no place for a system prompt. */
export const takesNoSystem: ReadonlySet<CachedEndpoint> = new Set(["completions", "embeddings"]);
