import { expect, test } from "vitest";

import { fromObject } from "../../../src/lib/json-text.ts";
import type { Endpoint } from "../../../src/protocol/endpoints.ts";
import { Conversation } from "../../../src/providers/conversation.ts";

const of = (endpoint: Endpoint, value: object, tenantId = "t1", model = "fast"): Conversation =>
  new Conversation({ tenantId, endpoint, model, request: fromObject({ model, ...value }) });

const chat = (messages: readonly object[], more: object = {}): Conversation =>
  of("chat", { messages, ...more });

const system = { role: "system", content: "Be brief." };
const user = (content: unknown): object => ({ role: "user", content });
const assistant = (content: unknown): object => ({ role: "assistant", content });
const long = "word ".repeat(1_000);
const tools = [{ type: "function", function: { name: "look", parameters: {} } }];

function expectSame(...conversations: readonly Conversation[]): void {
  expect(new Set(conversations.map(({ hash }) => hash)).size).toBe(1);
}

function expectDifferent(...conversations: readonly Conversation[]): void {
  expect(new Set(conversations.map(({ hash }) => hash)).size).toBe(conversations.length);
}

test("the turns of one chat have one hash, whatever was said and set later", () => {
  const first = [system, user("Hi")];
  expectSame(
    chat(first, { tools }),
    chat([...first, assistant("Hello."), user("And?")], { tools, temperature: 1, max_tokens: 5 }),
    chat([...first, assistant(null), { role: "tool", tool_call_id: "1", content: "x" }], { tools }),
  );
});

test("tenant, model, tools, system prompt and first message each make another conversation", () => {
  const messages = [system, user("Hi")];
  expectDifferent(
    chat(messages),
    of("chat", { messages }, "t2"),
    of("chat", { messages }, "t1", "slow"),
    chat(messages, { tools }),
    chat([{ role: "system", content: "Be long." }, user("Hi")]),
    chat([{ role: "developer", content: "Be brief." }, user("Hi")]),
    chat([system, user("Ho")]),
    chat([user("Hi")]),
    chat([system]),
    chat([{ role: "system", content: "Be long." }]),
  );
});

test("the client's key alone decides where it gives one, for its own tenant", () => {
  const keyed = { prompt_cache_key: "k1" };
  expectSame(chat([user("a")], keyed), chat([user("b")], keyed));
  expectDifferent(
    chat([user("a")], keyed),
    chat([user("a")], { prompt_cache_key: "k2" }),
    of("chat", { messages: [user("a")], ...keyed }, "t2"),
    chat([user("a")]),
  );
});

test("marks for the cache may move on, and a text become the one part that holds it", () => {
  const mark = { cache_control: { type: "ephemeral" } };
  const part = { type: "text", text: "Hi" };
  expectSame(
    of("messages", { system: "Be brief.", messages: [user("Hi")] }),
    of("messages", {
      system: [{ type: "text", text: "Be brief.", ...mark }],
      messages: [user([{ ...part, ...mark }])],
    }),
    of("messages", { system: "Be brief.", messages: [user([part]), assistant("a"), user("b")] }),
  );
  const image = { type: "image_url", image_url: { url: "data:a" } };
  const breakpoint = { prompt_cache_breakpoint: { mode: "explicit" } };
  expectSame(chat([user([{ ...image, ...breakpoint }])]), chat([user([image])]));
  expectSame(
    of("messages", { tools: [{ name: "a", ...mark }], messages: [user("Hi")] }),
    of("messages", { tools: [{ name: "a" }], messages: [user("Hi")] }),
  );
});

test("the line that Claude Code writes anew in each request does not count", () => {
  const line = (nonce: string): object => ({
    type: "text",
    text: `x-anthropic-billing-header: cc_version=2.1.177.01c; cc_entrypoint=cli; cch=${nonce};`,
  });
  const rest = { type: "text", text: "You are Claude Code." };
  const messages = [user("Hi")];
  expectSame(
    of("messages", { system: [line("36ee5"), rest], messages }),
    of("messages", { system: [line("0aaa9"), rest], messages }),
  );
});

test("the turns of one /v1/responses have one hash, also when its first input was a text alone", () => {
  const instructions = "Be brief.";
  const later = [
    { type: "message", role: "assistant", content: [{ type: "output_text", text: "Hello." }] },
    { type: "function_call", name: "look", call_id: "1", arguments: "{}" },
    { type: "function_call_output", call_id: "1", output: "x" },
  ];
  const written = { role: "user", content: [{ type: "input_text", text: "Hi" }] };
  expectSame(
    of("responses", { instructions, input: "Hi" }),
    of("responses", { instructions, input: [user("Hi"), ...later] }),
    of("responses", { instructions, input: [written, ...later] }),
  );
  expectDifferent(
    of("responses", { instructions, input: "Hi" }),
    of("responses", { instructions: "Be long.", input: "Hi" }),
    of("responses", { instructions, input: "Ho" }),
  );
});

test("an image is part of the first message", () => {
  const image = (url: string): object => user([{ type: "image_url", image_url: { url } }]);
  expectSame(chat([image("data:a")]), chat([image("data:a"), assistant("A cat.")]));
  expectDifferent(chat([image("data:a")]), chat([image("data:b")]));
});

test("where one piece ends and the next begins is part of the hash", () => {
  expectDifferent(
    chat([user(["ab", "c"])]),
    chat([user(["a", "bc"])]),
    chat([user([{ a: "b" }])]),
    chat([user([{ a: "b", c: null }])]),
    chat([user([["a"], "b"])]),
    chat([user([["a", "b"]])]),
  );
});

const standings: [string, Conversation, "none" | "opening" | "sticky"][] = [
  ["a short first turn", chat([system, user("Hi")]), "opening"],
  ["a first turn with a long prompt", chat([user(long)]), "sticky"],
  ["a second turn", chat([user("Hi"), assistant("Hello."), user("And?")]), "sticky"],
  ["a short first turn with a key", chat([user("Hi")], { prompt_cache_key: "k" }), "sticky"],
  [
    "a short first turn that asks for the cache",
    of("messages", { messages: [user([{ type: "text", text: "Hi", cache_control: {} }])] }),
    "sticky",
  ],
  ["an empty key", chat([user("Hi")], { prompt_cache_key: "" }), "opening"],
  ["a first text to /v1/responses", of("responses", { input: "Hi" }), "opening"],
  ["a result of a tool", of("responses", { input: [{ type: "function_call_output" }] }), "sticky"],
  [
    "a turn of a conversation that the provider keeps",
    of("responses", { input: long, previous_response_id: "resp_1" }),
    "none",
  ],
  ["a conversation by its id", of("responses", { input: "Hi", conversation: "conv_1" }), "sticky"],
  ["a short prompt", of("completions", { prompt: "Once" }), "none"],
  ["a long prompt", of("completions", { prompt: long }), "sticky"],
  ["embeddings", of("embeddings", { input: long }), "none"],
  ["moderations", of("moderations", { input: long }), "none"],
  ["counting tokens", of("count_tokens", { messages: [user(long)] }), "none"],
];

test.each(standings)("%s", (_name, conversation, standing) => {
  expect(conversation.isOpening).toBe(standing === "opening");
  expect(conversation.isSticky).toBe(standing === "sticky");
});

test("prompts that begin alike belong together", () => {
  const prompt = (end: string): Conversation => of("completions", { prompt: long + end });
  expectSame(prompt("one"), prompt("two"));
  expectDifferent(prompt("one"), of("completions", { prompt: `Other ${long}` }));
  expectSame(
    of("completions", { prompt: Array.from({ length: 1_100 }, () => 7) }),
    of("completions", { prompt: Array.from({ length: 1_200 }, () => 7) }),
  );
});

test("a hash says nothing of what was written", () => {
  expect(chat([user("secret")]).hash).toMatch(/^[0-9a-f]{64}$/);
});
