import { expect, test } from "vitest";

import type { Json } from "../../../fixtures/anthropic/messages.ts";
import {
  assistant,
  callTo,
  image,
  refusalOf,
  result,
  said,
  textBlock,
  user,
} from "../../../fixtures/anthropic/write.ts";

const file = (fields: Json): Json => ({ type: "file", file: fields });
const contentOf = (part: Json): unknown => {
  const [turn] = said(user([part]))["messages"] as { content: Json[] }[];
  return turn?.content[0];
};

test("an image comes by its URL or with its data", () => {
  expect(contentOf(image("https://a.example/b.png"))).toEqual({
    type: "image",
    source: { type: "url", url: "https://a.example/b.png" },
  });
  expect(contentOf(image("data:image/jpg;base64,AAAA"))).toEqual({
    type: "image",
    source: { type: "base64", media_type: "image/jpeg", data: "AAAA" },
  });
});

test("a PDF becomes a document, and so does text", () => {
  expect(
    contentOf(file({ filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0x" })),
  ).toEqual({
    type: "document",
    source: { type: "base64", media_type: "application/pdf", data: "JVBERi0x" },
    title: "a.pdf",
  });
  const data = Buffer.from("Grüezi").toString("base64");
  expect(contentOf(file({ file_data: `data:text/markdown;charset=utf-8;base64,${data}` }))).toEqual(
    {
      type: "document",
      source: { type: "text", media_type: "text/plain", data: "Grüezi" },
    },
  );
  expect(contentOf(file({ file_data: "data:text/plain,a%20b" }))).toMatchObject({
    source: { data: "a b" },
  });
});

test("a document comes by its URL, or by its id at Anthropic", () => {
  expect(contentOf(file({ file_data: "https://a.example/b.pdf" }))).toMatchObject({
    source: { type: "url", url: "https://a.example/b.pdf" },
  });
  expect(contentOf(file({ file_id: "file_011CNha8iCJcU1wXNR6q4V8w" }))).toMatchObject({
    source: { type: "file", file_id: "file_011CNha8iCJcU1wXNR6q4V8w" },
  });
});

test("a tool may answer with an image", () => {
  const body = said(
    user("Hi"),
    assistant(null, { tool_calls: [callTo("call_a", "f", "{}")] }),
    result("call_a", [textBlock("Here:"), image("data:image/png;base64,AAAA")]),
  );
  expect(body["messages"]).toMatchObject([
    {},
    {},
    { content: [{ type: "tool_result", content: [{ type: "text" }, { type: "image" }] }] },
  ]);
});

test("Anthropic's own blocks go on as they are", () => {
  const native = {
    type: "document",
    source: { type: "url", url: "https://a.example/b.pdf" },
    citations: { enabled: true },
  };
  expect(contentOf(native)).toEqual(native);
});

test.each([
  [image("data:image/tiff;base64,AAAA"), "image_url.url"],
  [image("gs://bucket/a.png"), "image_url.url"],
  [image("data:image/png"), "image_url.url"],
  [image("data:,%E0%A4%A"), "image_url.url"],
  [file({ file_id: "file-abc" }), "file"],
  [file({ file_data: "AAAA" }), "file.file_data"],
  [file({ file_data: "data:application/zip;base64,AAAA" }), "file.file_data"],
])("%j cannot be taken", (part, field) => {
  const { param } = refusalOf({ messages: [user([textBlock("Hi"), part])] });
  expect(param).toBe(`messages[0].content[1].${field}`);
});
