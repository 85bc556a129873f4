import { z } from "zod";

/**
 * What Anthropic's clients send, checked as in `schemas.ts`: where a mistake can be named, and no further.
 * (https://docs.claude.com/en/api/messages, read 2026-11-21)
 */
const text = z.string();
const block = z.looseObject({ type: text.min(1) });

const message = z.looseObject({
  role: text.min(1),
  content: z.union([text, z.array(block)]),
});

export const countTokensRequest = z.looseObject({
  model: text.min(1).max(256),
  messages: z.array(message).min(1),
  system: z.union([text, z.array(block)]).nullish(),
  tools: z.array(z.looseObject({ name: text.nullish() })).nullish(),
});

export const messagesRequest = z.looseObject({
  ...countTokensRequest.shape,
  max_tokens: z.number().int().min(1),
  stream: z.boolean().nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  stop_sequences: z.array(text).nullish(),
});
