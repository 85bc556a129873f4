import { expect, test } from "vitest";

import { messages, shareOneUpstream } from "../support/one-upstream.ts";
import { completion, stream, whole } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

const call = {
  functionCall: { name: "weather", args: { city: "Köln" } },
  thoughtSignature: "c2lnLUE=",
};
const geminiAnswer = {
  candidates: [{ content: { role: "model", parts: [call] }, finishReason: "STOP", index: 0 }],
  usageMetadata: { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 },
  modelVersion: "m",
};
const question = {
  model: "m",
  max_tokens: 100,
  messages,
  tools: [
    { name: "weather", input_schema: { type: "object", properties: { city: { type: "string" } } } },
  ],
};

interface Block {
  readonly type: string;
  readonly id?: string;
  readonly name?: string;
  readonly input?: unknown;
}

/** The blocks of a stream, as far as this test needs them: a thought without text, and one call. */
function blocksOf(data: readonly string[]): Block[] {
  const events = data.map((text) => JSON.parse(text) as Record<string, never>);
  const blocks = events.flatMap((event) =>
    "content_block" in event ? [event["content_block"]] : [],
  );
  const deltas = events.flatMap((event) => ("delta" in event ? [event["delta"]] : []));
  const all = Object.assign({}, ...deltas) as Record<string, string>;
  return (blocks as Block[]).map((block) =>
    block.type === "thinking"
      ? { ...block, signature: all["signature"] }
      : { ...block, input: JSON.parse(all["partial_json"] ?? "{}") as unknown },
  );
}

test.each(["whole", "streamed"])(
  "Gemini gets its signature back with the call that it signed, by way of Anthropic's blocks, %s",
  async (mode) => {
    const isStream = mode === "streamed";
    const script = isStream
      ? stream([`data: ${JSON.stringify(geminiAnswer)}\r\n\r\n`])
      : whole(geminiAnswer);
    await using plane = await startOneUpstream({ type: "google", script });
    const ask = (body: object): Promise<Response> => plane.gateway.post("/v1/messages", body);
    const answer = await ask({ ...question, stream: isStream });
    let content: Block[];
    if (isStream) {
      const client = readStream(answer);
      expect(await client.toEnd()).toBe("whole");
      content = blocksOf(client.data);
    } else content = ((await answer.json()) as { content: Block[] }).content;
    expect(content).toMatchObject([
      { type: "thinking", thinking: "", signature: expect.stringMatching(/./) as string },
      { type: "tool_use", name: "weather", input: { city: "Köln" } },
    ]);

    plane.upstream.forget();
    const result = { type: "tool_result", tool_use_id: content[1]?.id, content: "rain" };
    await ask({
      ...question,
      messages: [...messages, { role: "assistant", content }, { role: "user", content: [result] }],
    });
    const sent = JSON.stringify(plane.upstream.seen[0]?.json);
    expect(sent).toContain(`"thoughtSignature":"c2lnLUE="`);
    expect(sent).not.toContain("sentinel.");
    expect(sent).not.toContain("skip_thought_signature");
  },
);

test("an id of 19 digits in a tool's input survives both ways", async () => {
  const reading = {
    id: "call_a",
    type: "function",
    function: { name: "read", arguments: '{"id":1234567890123456789}' },
  };
  const message = { role: "assistant", content: null, tool_calls: [reading] };
  const script = whole(completion("", { choices: [{ index: 0, message, finish_reason: "stop" }] }));
  await using plane = await startOneUpstream({ script });
  const ask = async (turns: string): Promise<string> => {
    const body = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}${turns}]}`;
    const answer = await plane.gateway.post("/v1/messages", body);
    return answer.text();
  };
  const answered = await ask("");
  expect(answered).toContain('"input":{"id":1234567890123456789}');
  const content = /"content":(\[.*?\]),"stop_reason"/.exec(answered)?.[1] ?? "";
  const result = '[{"type":"tool_result","tool_use_id":"call_a","content":"fine"}]';
  await ask(`,{"role":"assistant","content":${content}},{"role":"user","content":${result}}`);
  expect(plane.upstream.seen[1]?.json?.["messages"]).toMatchObject([
    {},
    { tool_calls: [reading] },
    { role: "tool" },
  ]);
});

test("Anthropic resumes the unfinished turn of a thread without a message", async () => {
  const script = whole({ type: "message", content: [] });
  await using plane = await startOneUpstream({ type: "anthropic", script });
  const thread = { type: "continue", previous_message_id: "msg_1" };
  const body = { model: "m", max_tokens: 9, thread, messages: [] };
  expect((await plane.gateway.post("/v1/messages", body)).status).toBe(200);
  expect(plane.upstream.seen[0]?.json).toEqual(body);
});
