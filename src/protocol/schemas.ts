import { z } from "zod";

/**
 * What clients send, checked where a mistake can be named and left alone everywhere else: a field that is
 * not listed passes, and so do the values that only a provider can judge. Only the check's verdict is used;
 * what goes on is the client's own text.
 */
const text = z.string();
const flag = z.boolean().nullish();
const number = z.number().nullish();
const count = z.number().int().min(1).nullish();

const contentPart = z.looseObject({ type: text.min(1) });

const toolCall = z.looseObject({
  id: text.nullish(),
  type: text.nullish(),
  function: z.looseObject({ name: text, arguments: text }).nullish(),
});

const message = z.looseObject({
  role: text.min(1),
  content: z.union([text, z.array(contentPart)]).nullish(),
  name: text.nullish(),
  tool_calls: z.array(toolCall).nullish(),
  tool_call_id: text.nullish(),
});

const tool = z.looseObject({
  type: text.min(1),
  function: z.looseObject({ name: text.min(1), parameters: z.looseObject({}).nullish() }).nullish(),
});

const streamOptions = z.looseObject({ include_usage: flag }).nullish();
const stop = z.union([text, z.array(text)]).nullish();

const sampling = {
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  max_tokens: count,
  n: count,
  seed: number,
  stop,
  stream: flag,
  stream_options: streamOptions,
  user: text.nullish(),
};

const model = text.min(1).max(256);

/** (https://platform.openai.com/docs/api-reference/chat/create, read 2026-11-21) */
export const chatRequest = z.looseObject({
  ...sampling,
  model,
  messages: z.array(message).min(1),
  max_completion_tokens: count,
  tools: z.array(tool).nullish(),
  tool_choice: z.union([text, z.looseObject({})]).nullish(),
  parallel_tool_calls: flag,
  response_format: z.looseObject({ type: text }).nullish(),
  logprobs: flag,
  top_logprobs: z.number().int().min(0).nullish(),
});

export const completionRequest = z.looseObject({
  ...sampling,
  model,
  max_tokens: z.number().int().min(0).nullish(), // None at all: only the prompt is judged.
  prompt: z.union([text, z.array(z.union([text, z.number(), z.array(z.number())]))]).nullish(),
});

export const embeddingRequest = z.looseObject({
  model,
  input: z.union([text, z.array(z.union([text, z.number(), z.array(z.number())])).min(1)]),
  encoding_format: z.enum(["float", "base64"]).nullish(),
  dimensions: count,
  user: text.nullish(),
});

export const moderationRequest = z.looseObject({
  model: model.nullish(),
  input: z.union([text, z.array(z.union([text, contentPart])).min(1)]),
});

export const responsesRequest = z.looseObject({
  model,
  input: z.union([text, z.array(z.looseObject({}))]).nullish(),
  instructions: z.union([text, z.array(z.looseObject({}))]).nullish(),
  stream: flag,
  temperature: sampling.temperature,
  top_p: sampling.top_p,
  max_output_tokens: count,
  tools: z.array(z.looseObject({ type: text.min(1) })).nullish(),
  previous_response_id: text.nullish(),
});
