import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";

import { startGateway } from "../support/gateway.ts";
import type { TestGateway } from "../support/gateway.ts";

let gateway: TestGateway;
let client: OpenAI;
beforeAll(async () => {
  gateway = await startGateway();
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key });
});
afterAll(() => gateway.close());

const messages = [{ role: "user" as const, content: "Hello" }];

test("with no provider configured a chat request is answered, and says that it is a demo", async () => {
  const answer = await client.chat.completions.create({ model: "gpt-4o-mini", messages });
  expect(answer.choices[0]?.message.content).toContain("demo");
  expect(answer.usage?.total_tokens).toBe(0);
});

test("the demo streams, and its chunks join to the same answer", async () => {
  const whole = await client.chat.completions.create({ model: "any", messages });
  const stream = await client.chat.completions.create({ model: "any", messages, stream: true });
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
  expect(text).toBe(whole.choices[0]?.message.content);
});

test("what the demo cannot do it refuses with a sentence that says what to set", async () => {
  const embedding = client.embeddings.create({ model: "text-embedding-3-small", input: "x" });
  await expect(embedding).rejects.toMatchObject({ status: 400, code: "unsupported_endpoint" });
});
