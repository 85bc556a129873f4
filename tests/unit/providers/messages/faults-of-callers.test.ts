import { expect, test } from "vitest";

import { user, assistant, toolUse, toolResult, image, faultOf } from "./translate.ts";

const server = { type: "server_tool_use", id: "s", name: "web_search", input: {} };

test.each<[string, object, string]>([
  ["a server tool", { tools: [{ type: "web_search_20260318", name: "w" }] }, "tools[0].type"],
  ["a tool without a schema", { tools: [{ name: "w" }] }, "tools[0].input_schema"],
  ["a tool without a name", { tools: [{ input_schema: {} }] }, "tools[0].name"],
  [
    "an unknown choice",
    { tools: [{ name: "a", input_schema: {} }], tool_choice: { type: "x" } },
    "tool_choice.type",
  ],
  ["MCP servers", { mcp_servers: [{ url: "https://e.com" }] }, "mcp_servers"],
  ["no message", { messages: [] }, "messages"],
  ["no tokens at all", { max_tokens: 0 }, "max_tokens"],
  ["an unknown role", { messages: [{ role: "tool", content: "" }] }, "messages[0].role"],
  [
    "a server's block",
    { messages: [user("a"), assistant([server])] },
    "messages[1].content[0].type",
  ],
  ["an unknown block", { messages: [user([{ type: "hologram" }])] }, "messages[0].content[0].type"],
  [
    "a type that is no text",
    { messages: [user([{ type: { toString: 1, valueOf: 1 } }])] },
    "messages[0].content[0].type",
  ],
  ["text without text", { messages: [user([{ type: "text" }])] }, "messages[0].content[0].text"],
  [
    "an image by file id",
    { messages: [user([{ type: "image", source: { type: "file", file_id: "f" } }])] },
    "messages[0].content[0].source.type",
  ],
  [
    "a PDF by address",
    { messages: [user([{ type: "document", source: { type: "url", url: "https://e.com" } }])] },
    "messages[0].content[0].source.type",
  ],
  [
    "an image without a source",
    { messages: [user([{ type: "image" }])] },
    "messages[0].content[0].source",
  ],
  ["an image in the system prompt", { system: [image] }, "system[0].type"],
  [
    "a result without a call",
    { messages: [user([toolResult("a", "")])] },
    "messages[0].content[0].tool_use_id",
  ],
  [
    "a result given twice",
    { messages: [user("?"), assistant([toolUse("a")]), user([toolResult("a"), toolResult("a")])] },
    "messages[2].content[1].tool_use_id",
  ],
  [
    "a call without a result",
    { messages: [user("?"), assistant([toolUse("a")]), user("!")] },
    "messages[2]",
  ],
  [
    "a call without a result at the end",
    { messages: [user("?"), assistant([toolUse("a")])] },
    "messages",
  ],
  [
    "a call's id given twice",
    { messages: [user("?"), assistant([toolUse("a"), toolUse("a")])] },
    "messages[1].content[1].id",
  ],
  [
    "a call's input that is no object",
    { messages: [user("?"), assistant([{ ...toolUse("a"), input: "x" }])] },
    "messages[1].content[0].input",
  ],
  [
    "a call in the user's turn",
    { messages: [user([toolUse("a")])] },
    "messages[0].content[0].type",
  ],
  [
    "an unknown format",
    { output_config: { format: { type: "xml" } } },
    "output_config.format.type",
  ],
])("%s is the caller's mistake, and its place is named", (_, fields, param) => {
  const fault = faultOf(fields);
  expect(fault).toMatchObject({ param, status: 400 });
  expect(fault.message).toContain(`'${param}'`);
});
