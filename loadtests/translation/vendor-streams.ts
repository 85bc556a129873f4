/** One answer of many short texts, as each vendor streams it: the chunks as they would arrive. */
export interface VendorStream {
  readonly chunks: readonly Buffer[];
  /** Those that carry text, which is what is counted. */
  readonly textCount: number;
}

const textCount = 500;
const texts = Array.from({ length: textCount }, (_, index) => ` word${index}`);

const event = (data: object, name = ""): Buffer =>
  Buffer.from(`${name === "" ? "" : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`);

export const openAiStream = (): VendorStream => {
  const head = {
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1_800_000_000,
    model: "m",
    system_fingerprint: "fp_1",
  };
  const chunk = (delta: object, finish: string | null): Buffer =>
    event({
      ...head,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      usage: null,
    });
  const usage = { prompt_tokens: 10, completion_tokens: textCount, total_tokens: textCount + 10 };
  return {
    textCount,
    chunks: [
      chunk({ role: "assistant", content: "" }, null),
      ...texts.map((content) => chunk({ content }, null)),
      chunk({}, "stop"),
      event({ ...head, choices: [], usage }),
      Buffer.from("data: [DONE]\n\n"),
    ],
  };
};

export const anthropicStream = (): VendorStream => {
  const named = (data: { type: string; [field: string]: unknown }): Buffer =>
    event(data, data.type);
  const message = {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "m",
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 1 },
  };
  return {
    textCount,
    chunks: [
      named({ type: "message_start", message }),
      named({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }),
      ...texts.map((text) =>
        named({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }),
      ),
      named({ type: "content_block_stop", index: 0 }),
      named({
        type: "message_delta",
        delta: { stop_reason: "end_turn", stop_sequence: null },
        usage: { output_tokens: textCount },
      }),
      named({ type: "message_stop" }),
    ],
  };
};

export const geminiStream = (): VendorStream => ({
  textCount,
  chunks: texts.map((text, index) => {
    const isLast = index === textCount - 1;
    return event({
      candidates: [
        {
          content: { parts: [{ text }], role: "model" },
          ...(isLast ? { finishReason: "STOP" } : {}),
          index: 0,
        },
      ],
      usageMetadata: {
        promptTokenCount: 10,
        candidatesTokenCount: index + 1,
        totalTokenCount: index + 11,
      },
      modelVersion: "m",
      responseId: "r1",
    });
  }),
});
