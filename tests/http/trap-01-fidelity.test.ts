import { expect, test } from "vitest";

import { shareOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { completion, done, stream, whole } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

const requestFields =
  '"temperature":1.0,"top_p":1.0,"seed":12345678901234567890,"n":null,"stop":null,' +
  '"store":false,"user":"","logit_bias":{},"top_logprobs":0,"unknown_number":-0.0,"unknown_exponent":1E+2,' +
  '"unknown":{"deep":[null,false,0,"",{"big":9007199254740993,"text":"\\u00e9\\u2028\\/"}]},' +
  '"messages":[{"role":"user","content":"Hi","name":null,"unknown":{"a":0.10}},' +
  '{"role":"assistant","content":null,"refusal":null,"audio":{"id":"x"},"tool_calls":[{"id":"call_1","type":"function","index":0,' +
  '"function":{"name":"f","arguments":"{\\"a\\":1.0}","unknown":[]}}]},' +
  '{"role":"tool","tool_call_id":"call_1","content":""},' +
  '{"role":"user","content":[{"type":"text","text":"","unknown":1.50},{"type":"image_url","image_url":{"url":"data:,","detail":null}}]}],' +
  '"tools":[{"type":"function","function":{"name":"f","strict":false,"parameters":{"type":"object","properties":{},"x-unknown":1.0}}}],' +
  '"tool_choice":{"type":"function","function":{"name":"f"}},"metadata":{"empty":""},"response_format":{"type":"text","unknown":null}';

async function sent(plane: OneUpstream, path: string, body: string): Promise<string> {
  const response = await plane.gateway.post(path, body);
  expect(response.status).toBe(200);
  await response.arrayBuffer();
  return plane.upstream.seen.at(-1)?.body.toString("utf8") ?? "";
}

test("a request that needs no change reaches the provider as the bytes that it was", async () => {
  await using plane = await startOneUpstream({ script: whole(completion("ok")) });
  const body = `{"model":"m",${requestFields}}`;
  expect(await sent(plane, "/v1/chat/completions", body)).toBe(body);
});

test("white space, the order of fields and escapes in names stay as the client wrote them", async () => {
  await using plane = await startOneUpstream({ script: whole(completion("ok")) });
  const body = `{ "z" : 1.0 ,\n\t"messages":[ { "content":"Hi" , "role":"user" } ],\r\n "mod\\u0065l" : "m" }\n`;
  expect(await sent(plane, "/v1/chat/completions", body)).toBe(body);
});

test("an alias changes the model's name and no other byte", async () => {
  const models = { fast: { targets: [{ provider: "test", model: "m" }] } };
  await using plane = await startOneUpstream({ script: whole(completion("ok")), models });
  const body = `{${requestFields},"model":"fast","zz":1.0}`;
  expect(await sent(plane, "/v1/chat/completions", body)).toBe(
    `{${requestFields},"model":"m","zz":1.0}`,
  );
});

test("a stream asks for its usage, and what else the client wrote stays", async () => {
  const script = stream([`data: {"choices":[{"index":0,"finish_reason":"stop"}]}\n\n`, done]);
  await using plane = await startOneUpstream({ script });
  const body = `{"model":"m",${requestFields},"stream":true}`;
  expect(await sent(plane, "/v1/chat/completions", body)).toBe(
    `{"model":"m",${requestFields},"stream":true,"stream_options":{"include_usage":true}}`,
  );
});

test("a stream whose client asks for usage itself goes out unchanged", async () => {
  const script = stream([`data: {"choices":[{"index":0,"finish_reason":"stop"}]}\n\n`, done]);
  await using plane = await startOneUpstream({ script });
  const body = `{"model":"m",${requestFields},"stream":true,"stream_options":{"include_usage":true,"x":1.0}}`;
  expect(await sent(plane, "/v1/chat/completions", body)).toBe(body);
});

test.each([
  ["/v1/completions", `{"model":"m","prompt":["",[1,2]],"echo":false,"suffix":null,"x":1.0}`],
  ["/v1/embeddings", `{"model":"m","input":[[1,2],[3]],"dimensions":null,"x":{"y":[1.0]}}`],
  ["/v1/moderations", `{"model":"m","input":[{"type":"text","text":"a"}],"x":1.0}`],
  [
    "/v1/responses",
    `{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":""}]}],"store":false,"x":1.0}`,
  ],
])("%s passes unknown fields on as well", async (path, body) => {
  await using plane = await startOneUpstream({ script: whole({ object: "list", data: [] }) });
  expect(await sent(plane, path, body)).toBe(body);
});

test("a field written twice is read by everyone as its last value", async () => {
  await using plane = await startOneUpstream({ script: whole(completion("ok")) });
  const body = `{"model":"m","temperature":0.1,"messages":[{"role":"user","content":"a"}],"temperature":0.9}`;
  expect(JSON.parse(await sent(plane, "/v1/chat/completions", body))).toMatchObject({
    temperature: 0.9,
  });
});

const answerText =
  '{ "id":"chatcmpl-1", "object":"chat.completion", "created":1.0, "model":"m-2026", "system_fingerprint":null,\n' +
  '  "choices":[{"index":0,"message":{"role":"assistant","content":"\\u00e9\\/","refusal":null,"annotations":[],"unknown":{"n":12345678901234567890}},' +
  '"logprobs":{"content":[{"token":"a","logprob":-0.0,"bytes":null,"top_logprobs":[]}]},"finish_reason":"stop","x":false}],\n' +
  '  "usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"prompt_tokens_details":{"cached_tokens":0},"cost":1.0e-7},"unknown":[0,null,""] }\n';

test.each(["openai", "openai-compatible", "vllm", "ollama"])(
  "a whole answer of %s comes back as the bytes that it was",
  async (type) => {
    await using plane = await startOneUpstream({ type, script: whole(answerText) });
    const response = await plane.chat();
    expect(await response.text()).toBe(answerText);
  },
);

test.each(["openai", "openai-compatible", "mistral"])(
  "a whole answer of %s whose tool calls need no repair comes back as the bytes that it was",
  async (type) => {
    const call =
      '{"id":"abcDEF123","type":"function","function":{"name":"f","arguments":"{\\"a\\": 1.0}"},"x":12345678901234567890}';
    const text = `{"object":"chat.completion","created":1.0,"choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[${call}]},"finish_reason":"tool_calls"}]}`;
    await using plane = await startOneUpstream({ type, script: whole(text) });
    const response = await plane.chat();
    expect(await response.text()).toBe(text);
  },
);

const events = [
  `data: {"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null,"x":1.0}\n\n`,
  `: a comment\n\n`,
  `event: message\nid: 7\nretry: 100\ndata: {"choices":[{"index":0,"delta":{"content":"\\u00e9","unknown":{"n":12345678901234567890}},"finish_reason":null}],"obfuscation":"aB3"}\n\n`,
  `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""},"x":1.0}]},"finish_reason":null}]}\n\n`,
  `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]},"finish_reason":null}],"x":1.0}\n\n`,
  `data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls","x":0}],"x":-0.0}\n\n`,
];

test.each(["openai", "openai-compatible", "mistral"])(
  "a stream of %s that needs no repair comes back as the bytes that it was",
  async (type) => {
    await using plane = await startOneUpstream({ type, script: stream([...events, done]) });
    const client = readStream(await plane.chat({ stream: true }));
    expect(await client.toEnd()).toBe("whole");
    expect(client.text).toBe([...events, done].join(""));
  },
);

test("the events of /v1/responses come back as the bytes that they were, without a marker", async () => {
  const typed = [
    `event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1","error":null,"x":1.0}}\n\n`,
    `event: response.unknown.delta\ndata: {"type":"response.unknown.delta","delta":"[DONE]"}\n\n`,
    `event: response.completed\ndata: {"type":"response.completed","response":{"id":"resp_1","usage":{"input_tokens":1,"output_tokens":1}}}\n\n`,
  ];
  await using plane = await startOneUpstream({ script: stream(typed) });
  const response = await plane.gateway.post("/v1/responses", {
    model: "m",
    input: "Hi",
    stream: true,
  });
  const client = readStream(response);
  expect(await client.toEnd()).toBe("whole");
  expect(client.text).toBe(typed.join(""));
});

test("an answer of /v1/embeddings comes back as the bytes that it was", async () => {
  const text = `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10,-0.0,1e-7]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}`;
  await using plane = await startOneUpstream({ script: whole(text) });
  const response = await plane.gateway.post("/v1/embeddings", { model: "m", input: "a" });
  expect(await response.text()).toBe(text);
});
