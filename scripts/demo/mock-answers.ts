/** What the demo's providers say, in the forms of OpenAI's API. Nothing of it was said by a model. */

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  readonly completion_tokens_details: { readonly reasoning_tokens: number };
}

export interface UsageParts {
  readonly input: number;
  readonly output: number;
  readonly cached?: number;
  readonly reasoning?: number;
}

export const usageOf = ({ input, output, cached = 0, reasoning = 0 }: UsageParts): Usage => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
  prompt_tokens_details: { cached_tokens: cached },
  completion_tokens_details: { reasoning_tokens: reasoning },
});

export interface Said {
  readonly model: string;
  readonly text: string;
  /** In place of a text. */
  readonly refusal?: string;
  readonly usage: Usage;
}

let answerCount = 0;
const newId = (prefix: string): string => `${prefix}-demo-${++answerCount}`;
const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

export const chatAnswer = ({ model, text, refusal, usage }: Said): object => ({
  id: newId("chatcmpl"),
  object: "chat.completion",
  created: nowSeconds(),
  model,
  choices: [
    {
      index: 0,
      message: {
        role: "assistant",
        content: refusal === undefined ? text : null,
        refusal: refusal ?? null,
      },
      logprobs: null,
      finish_reason: "stop",
    },
  ],
  usage,
});

/** The events of a stream, without the `[DONE]` that ends it: a piece of a few words each. */
export function chatEvents(said: Said, hasUsage: boolean): readonly string[] {
  const id = newId("chatcmpl");
  const event = (more: object): string =>
    `data: ${JSON.stringify({ id, object: "chat.completion.chunk", created: nowSeconds(), model: said.model, ...more })}\n\n`;
  const choice = (delta: object, finish: string | null = null): string =>
    event({ choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] });
  const [first = "", ...others] = said.text.split(/(?= )/);
  return [
    choice({ role: "assistant", content: first }),
    ...others.map((content) => choice({ content })),
    choice({}, "stop"),
    ...(hasUsage ? [event({ choices: [], usage: said.usage })] : []),
  ];
}

export const streamEnd = "data: [DONE]\n\n";

export const completionAnswer = ({ model, text, usage }: Said): object => ({
  id: newId("cmpl"),
  object: "text_completion",
  created: nowSeconds(),
  model,
  choices: [{ index: 0, text, logprobs: null, finish_reason: "stop" }],
  usage,
});

export const responseAnswer = ({ model, text, usage }: Said): object => ({
  id: newId("resp"),
  object: "response",
  created_at: nowSeconds(),
  status: "completed",
  model,
  output: [
    {
      id: newId("msg"),
      type: "message",
      role: "assistant",
      status: "completed",
      content: [{ type: "output_text", text, annotations: [] }],
    },
  ],
  usage: {
    input_tokens: usage.prompt_tokens,
    output_tokens: usage.completion_tokens,
    total_tokens: usage.total_tokens,
    input_tokens_details: { cached_tokens: usage.prompt_tokens_details.cached_tokens },
    output_tokens_details: { reasoning_tokens: usage.completion_tokens_details.reasoning_tokens },
  },
});

export const moderationAnswer = (model: string): object => ({
  id: newId("modr"),
  model,
  results: [{ flagged: false, categories: {}, category_scores: {} }],
});

export const errorAnswer = (message: string, code: string | null = null): object => ({
  error: { message: `The demo's provider: ${message}`, type: "demo_error", param: null, code },
});

const embeddingDimensions = 256;
/** Said in nearly every question: they tell little about what is asked. */
const smallWords = new Set(
  "a about an and at can could do does for go hello hey hi how i in is it kindly me of on one please properly should simply someone tell that the to want well what would".split(
    " ",
  ),
);
const smallWordWeight = 0.1;

/** A text's words in a bag, by how they begin: texts are near to one another as they are about the same things. */
export function embeddingOf(text: string): readonly number[] {
  const vector = Array.from({ length: embeddingDimensions }, () => 0);
  for (const word of text.toLowerCase().match(/[\p{L}\d]+/gu) ?? []) {
    const weight = smallWords.has(word) ? smallWordWeight : 1;
    let hash = 17;
    for (const letter of word.slice(0, 5)) {
      hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003;
    }
    for (const turn of [1, 7, 13]) {
      const place = (hash * turn) % embeddingDimensions;
      const sign = Math.floor(hash / (turn * 11)) % 2 === 0 ? 1 : -1;
      vector[place] = (vector[place] ?? 0) + sign * weight;
    }
  }
  return vector;
}

/** Base64 of 32-bit floats where the client asks for that, as OpenAI's own clients do. */
export function embeddingAnswer(
  model: string,
  texts: readonly string[],
  isBase64: boolean,
): object {
  const input = texts.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0);
  const data = texts.map((text, index) => {
    const vector = embeddingOf(text);
    const bytes = Buffer.from(Float32Array.from(vector).buffer);
    return {
      object: "embedding",
      index,
      embedding: isBase64 ? bytes.toString("base64") : vector,
    };
  });
  return { object: "list", model, data, usage: { prompt_tokens: input, total_tokens: input } };
}
