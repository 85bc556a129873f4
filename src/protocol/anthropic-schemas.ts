import { z } from "zod";

/**
 * What Anthropic's clients send, checked as in `schemas.ts`: where a mistake can be named, and no further.
 * (https://docs.claude.com/en/api/messages, read 2026-11-21)
 */
const text = z.string();
const block = z.looseObject({ type: text.min(1) });
const typed = z.looseObject({ type: text });

const message = z
  .looseObject({ role: text.min(1), content: z.union([text, z.array(block)]).nullish() })
  // A system message may only change settings.
  .refine(({ role, content }) => content != null || role === "system", { path: ["content"] });

export const countTokensRequest = z.looseObject({
  model: text.min(1).max(256),
  messages: z.array(message), // None at all resumes the unfinished turn of a thread.
  system: z.union([text, z.array(block)]).nullish(),
  tools: z.array(z.looseObject({ type: text.nullish(), name: text.nullish() })).nullish(),
  tool_choice: typed.nullish(),
  thinking: typed.nullish(),
});

export const messagesRequest = z.looseObject({
  ...countTokensRequest.shape,
  max_tokens: z.number().int().min(0), // 0 fills the prompt cache and answers nothing.
  stream: z.boolean().nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  top_k: z.number().int().nullish(),
  stop_sequences: z.array(text).nullish(),
  metadata: z.looseObject({ user_id: text.nullish() }).nullish(),
});
