import { soundModel, troubledModels } from "../load/mock-troubles.ts";

/** What the mock provider says: always the same, about the size of a real short answer. */

const created = 1_790_000_000;
const model = "gpt-4o-mini-2024-07-18";
const usage = {
  prompt_tokens: 431,
  completion_tokens: 21,
  total_tokens: 452,
  prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
};
const words =
  "Your order left the warehouse this morning and should reach you by Friday, so no further step is needed now.".split(
    /(?= )/,
  );

/** Content chunks of a stream, the one with `finish_reason` included. */
export const contentChunkCount = words.length + 1;

/** A `chat.completion`, about 600 bytes. */
export const wholeAnswer = Buffer.from(
  JSON.stringify({
    id: "chatcmpl-loadtest0123456789abcdefghij",
    object: "chat.completion",
    created,
    model,
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: words.join(""), refusal: null },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage,
    service_tier: "default",
    system_fingerprint: "fp_44709d6fcb",
  }),
);

/** `GET /v1/models`. */
export const modelList = Buffer.from(
  JSON.stringify({
    object: "list",
    data: ["gpt-4o-mini", "gpt-4o", soundModel, ...Object.keys(troubledModels)].map((id) => ({
      id,
      object: "model",
      created,
      owned_by: "mock",
    })),
  }),
);

/** What the stream writes, a write each: content chunks of about 200 bytes, the end with the last. */
export const streamWrites: readonly Buffer[] = pieces("");
/** The same for a request that asked for usage. */
export const streamWritesWithUsage: readonly Buffer[] = pieces(
  `data: ${JSON.stringify({ ...chunk({}, null), choices: [], usage })}\n\n`,
);

function pieces(beforeDone: string): Buffer[] {
  const content = words.map((word, index) => {
    const delta = index === 0 ? { role: "assistant", content: word } : { content: word };
    return Buffer.from(`data: ${JSON.stringify(chunk(delta, null))}\n\n`);
  });
  const finish = `data: ${JSON.stringify(chunk({}, "stop"))}\n\n`;
  return [...content, Buffer.from(`${finish}${beforeDone}data: [DONE]\n\n`)];
}

function chunk(delta: { role?: string; content?: string }, finishReason: string | null) {
  return {
    id: "chatcmpl-loadtest0123456789abcdefghij",
    object: "chat.completion.chunk",
    created,
    model,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
  };
}
