import { expect, test } from "vitest";

import { writeChat } from "../../../../src/providers/anthropic/to-request.ts";
import { callOf, model } from "../../../fixtures/anthropic/call.ts";
import { redacted, thought } from "../../../fixtures/anthropic/messages.ts";
import type { Json } from "../../../fixtures/anthropic/messages.ts";
import {
  assistant,
  callTo,
  image,
  refusalOf,
  result,
  said,
  system,
  textBlock,
  user,
  write,
} from "../../../fixtures/anthropic/write.ts";

test("a plain question needs no more than Anthropic asks for", () => {
  expect(write().body).toEqual({
    model,
    max_tokens: 64_000,
    messages: [{ role: "user", content: [textBlock("Hi")] }],
  });
});

test("system and developer messages become the system prompt, wherever they stand", () => {
  const body = said(
    system("One."),
    user("Hi"),
    { role: "developer", content: "Two." },
    assistant("Yes?"),
    system([textBlock("Three."), textBlock("Four.")]),
    user("Well"),
  );
  expect(body["system"]).toBe("One.\nTwo.\nThree.\nFour.");
  expect(body["messages"]).toEqual([
    { role: "user", content: [textBlock("Hi")] },
    { role: "assistant", content: [textBlock("Yes?")] },
    { role: "user", content: [textBlock("Well")] },
  ]);
});

test("a mark for the prompt cache is kept: in the system prompt, on a message, on a part", () => {
  const mark = { cache_control: { type: "ephemeral", ttl: "1h" } };
  const body = said(
    system([{ ...textBlock("Long."), ...mark }]),
    system("Short."),
    user("One", mark),
    user([{ ...textBlock("Two"), ...mark }, textBlock("Three")]),
  );
  expect(body["system"]).toEqual([{ ...textBlock("Long."), ...mark }, textBlock("Short.")]);
  expect(body["messages"]).toEqual([
    {
      role: "user",
      content: [
        { ...textBlock("One"), ...mark },
        { ...textBlock("Two"), ...mark },
        textBlock("Three"),
      ],
    },
  ]);
});

test("results of parallel calls go in one turn, in order, before what the user says", () => {
  const body = said(
    user("Weather?"),
    assistant(null, {
      tool_calls: [callTo("call_a", "f", '{"n":1}'), callTo("call_b", "g", "")],
    }),
    result("call_a", "one"),
    user("And hurry"),
    result("call_b", [textBlock("two")], { is_error: true }),
  );
  expect(body["messages"]).toEqual([
    { role: "user", content: [textBlock("Weather?")] },
    {
      role: "assistant",
      content: [
        { type: "tool_use", id: "call_a", name: "f", input: { n: 1 } },
        { type: "tool_use", id: "call_b", name: "g", input: {} },
      ],
    },
    {
      role: "user",
      content: [
        { type: "tool_result", tool_use_id: "call_a", content: "one" },
        {
          type: "tool_result",
          tool_use_id: "call_b",
          content: [textBlock("two")],
          is_error: true,
        },
        textBlock("And hurry"),
      ],
    },
  ]);
});

test("numbers in arguments keep their digits", () => {
  const written = writeChat(
    callOf({
      model,
      messages: [
        user("Hi"),
        assistant("", { tool_calls: [callTo("call_a", "f", '{"id":12345678901234567890}')] }),
        result("call_a", "ok"),
      ],
    }),
  );
  expect(written.body).toContain('"input":{"id":12345678901234567890}');
});

test("an id that Anthropic would refuse becomes another one, the same for call and result", () => {
  const body = said(
    user("Hi"),
    assistant(null, {
      tool_calls: [callTo("functions.f:0", "f", "{}"), callTo("functions.f:1", "f", "{}")],
    }),
    result("functions.f:0", "a"),
    result("functions.f:1", "b"),
  );
  const [, calls, results] = body["messages"] as { content: Json[] }[];
  const ids = calls?.content.map((block) => block["id"]);
  expect(new Set(ids).size).toBe(2);
  for (const id of ids ?? []) expect(id).toMatch(/^[A-Za-z0-9_-]+$/);
  expect(results?.content.map((block) => block["tool_use_id"])).toEqual(ids);
});

test("empty texts are left out, and what they leave behind is joined", () => {
  const body = said(
    user("Hi"),
    assistant(""),
    user([textBlock(""), textBlock(" \n")]),
    user("There"),
  );
  expect(body["messages"]).toEqual([
    { role: "user", content: [textBlock("Hi"), textBlock("There")] },
  ]);
});

test("an answer that the client begins is continued, without the space at its end", () => {
  const body = said(user("List:"), assistant("1. one \n"));
  expect(body["messages"]).toEqual([
    { role: "user", content: [textBlock("List:")] },
    { role: "assistant", content: [textBlock("1. one")] },
  ]);
});

test("the first turn is the user's, and a chat of instructions alone is asked", () => {
  expect(said(assistant("Hello, what can I do?"), user("Sing"))["messages"]).toMatchObject([
    { role: "user" },
    { role: "assistant" },
    { role: "user" },
  ]);
  const alone = said(system("Be brief."), system("Say hello."));
  expect(alone["system"]).toBe("Be brief.");
  expect(alone["messages"]).toEqual([{ role: "user", content: [textBlock("Say hello.")] }]);
});

test("signed thoughts come back first and unchanged; unsigned ones and the text of them never", () => {
  const unsigned = { type: "thinking", thinking: "hm" };
  const body = said(
    user("Hi"),
    assistant("Text", {
      reasoning_content: "secret",
      thinking_blocks: [thought, unsigned, redacted],
      tool_calls: [callTo("call_a", "f", "{}")],
    }),
    result("call_a", "ok"),
  );
  const [, turn] = body["messages"] as { content: Json[] }[];
  expect(turn?.content).toEqual([
    thought,
    redacted,
    textBlock("Text"),
    { type: "tool_use", id: "call_a", name: "f", input: {} },
  ]);
  expect(JSON.stringify(body)).not.toContain("secret");
});

test.each([
  [
    "arguments that are not JSON",
    { arguments: "{" },
    "messages[1].tool_calls[0].function.arguments",
  ],
  [
    "arguments that are a list",
    { arguments: "[1]" },
    "messages[1].tool_calls[0].function.arguments",
  ],
  [
    "arguments without end",
    { arguments: `{"a":${"[".repeat(9_999)}1234567890123456789${"]".repeat(9_999)}}` },
    "messages[1].tool_calls[0].function.arguments",
  ],
  ["a call without an id", { id: "" }, "messages[1].tool_calls[0].id"],
])(
  "%s are the caller's mistake",
  (_what, { id = "call_a", arguments: json = "{}" }: Json, param) => {
    const call = callTo(String(id), "f", String(json));
    const messages = [user("Hi"), assistant(null, { tool_calls: [call] })];
    expect(refusalOf({ messages })).toMatchObject({ param, status: 400 });
  },
);

test.each([
  ["a role that is none", { role: "robot", content: "x" }, "messages[1].role"],
  ["a result without its call's id", { role: "tool", content: "x" }, "messages[1].tool_call_id"],
  ["audio", user([{ type: "input_audio", input_audio: {} }]), "messages[1].content[0]"],
  ["a part of an unknown kind", user([{ type: "hologram" }]), "messages[1].content[0].type"],
  [
    "an image in the instructions",
    system([image("https://a.example/b.png")]),
    "messages[1].content",
  ],
])("%s is refused by its name", (_what, message, param) => {
  expect(refusalOf({ messages: [user("Hi"), message] })).toMatchObject({ param, status: 400 });
});

test("nothing but empty messages is refused", () => {
  expect(refusalOf({ messages: [user(" ")] }).param).toBe("messages");
});
