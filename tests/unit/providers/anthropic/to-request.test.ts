import { expect, test } from "vitest";

import { refusalOf, write } from "../../../fixtures/anthropic/write.ts";

test("either of OpenAI's limits is Anthropic's, the newer one first", () => {
  expect(write({ max_tokens: 5 }).body["max_tokens"]).toBe(5);
  expect(write({ max_tokens: 5, max_completion_tokens: 6 }).body["max_tokens"]).toBe(6);
  expect(write({ max_tokens: null }).body["max_tokens"]).toBe(64_000);
});

test("stop is a list, without what has no visible character", () => {
  expect(write({ stop: "END" }).body["stop_sequences"]).toEqual(["END"]);
  const { body, dropped } = write({ stop: ["\n\n", "END"] });
  expect(body["stop_sequences"]).toEqual(["END"]);
  expect(dropped).toEqual(["stop"]);
  expect(write({ stop: ["\n"] }).body).not.toHaveProperty("stop_sequences");
});

test("temperature is at most 1, and alone on models that do not take it with top_p", () => {
  expect(write({ temperature: 1.7 }).body["temperature"]).toBe(1);
  expect(write({ temperature: 0 }).body["temperature"]).toBe(0);
  const both = write({ temperature: 0.2, top_p: 0.9 });
  expect(both.body).toMatchObject({ temperature: 0.2 });
  expect(both.body).not.toHaveProperty("top_p");
  expect(both.dropped).toEqual(["top_p"]);
  expect(write({ top_p: 0.9 }).body["top_p"]).toBe(0.9);
  const older = write({ model: "claude-3-5-haiku-20241022", temperature: 0.2, top_p: 0.9 });
  expect(older.body).toMatchObject({ temperature: 0.2, top_p: 0.9 });
});

test("the newest models get no sampling parameters at all", () => {
  const { body, dropped } = write({
    model: "claude-opus-4-7",
    temperature: 0.2,
    top_p: 0.9,
    top_k: 5,
  });
  for (const name of ["temperature", "top_p", "top_k"]) expect(body).not.toHaveProperty(name);
  expect(dropped).toEqual(["temperature", "top_p", "top_k"]);
});

test("what only OpenAI has is left out and reported, unless it is null", () => {
  const { body, dropped } = write({
    n: 1,
    frequency_penalty: 0.5,
    logit_bias: { "1": 1 },
    seed: 1,
    store: null,
    prediction: { type: "content", content: "x" },
    modalities: ["text"],
    stream_options: { include_usage: true },
  });
  expect(Object.keys(body).sort()).toEqual(["max_tokens", "messages", "model"]);
  expect(dropped).toEqual(["frequency_penalty", "logit_bias", "seed", "prediction"]);
});

test.each([
  [{ n: 2 }, "n"],
  [{ functions: [{ name: "f" }] }, "functions"],
  [{ modalities: ["text", "audio"] }, "modalities"],
  [{ reasoning_effort: "enormous" }, "reasoning_effort"],
  [{ response_format: { type: "grammar" } }, "response_format.type"],
  [{ response_format: { type: "json_schema" } }, "response_format.json_schema.schema"],
])("%j would change the answer, and is refused", (fields, param) => {
  expect(refusalOf(fields)).toMatchObject({ param, status: 400 });
});

test("Anthropic's own fields go on", () => {
  const native = {
    top_k: 5,
    container: "container_1",
    context_management: { edits: [] },
    mcp_servers: [{ type: "url", url: "https://a.example", name: "a" }],
    cache_control: { type: "ephemeral" },
    inference_geo: "eu",
    output_config: { effort: "low" },
    thinking: { type: "disabled" },
  };
  const { body, dropped } = write(native);
  expect(body).toMatchObject(native);
  expect(dropped).toEqual([]);
});

test("the user is told to Anthropic, unless it is an address", () => {
  expect(write({ user: "u-17" }).body["metadata"]).toEqual({ user_id: "u-17" });
  expect(write({ metadata: { user_id: "m" }, user: "u" }).body["metadata"]).toEqual({
    user_id: "m",
  });
  const person = write({ user: "jane@example.com", metadata: { team: "a" } });
  expect(person.body).not.toHaveProperty("metadata");
  expect(person.dropped).toEqual(["metadata", "user"]);
});

test("the service tiers that both know are translated", () => {
  expect(write({ service_tier: "auto" }).body["service_tier"]).toBe("auto");
  expect(write({ service_tier: "default" }).body["service_tier"]).toBe("standard_only");
  const flex = write({ service_tier: "flex" });
  expect(flex.body).not.toHaveProperty("service_tier");
  expect(flex.dropped).toEqual(["service_tier"]);
});
