import { describe, expect, test } from "vitest";

import { anthropicError } from "../support/anthropic-envelope.ts";
import { startGateway } from "../support/gateway.ts";
import { impatient, yamlOf } from "../support/one-upstream.ts";

describe("models, asked by a client of Anthropic's", () => {
  const yaml = yamlOf({
    providers: {
      test: {
        type: "openai",
        base_url: "http://127.0.0.1:9/v1",
        api_keys: ["k"],
        models: ["a", "b", "c"],
      },
    },
  });
  const version = { "anthropic-version": "2023-06-01" };

  test("are listed in its shape, all at once or in pages", async () => {
    await using gateway = await startGateway({ yaml, env: impatient });
    const headers = { ...version, "x-api-key": gateway.key };
    const list = async (query = ""): Promise<{ data: { id: string }[]; has_more: boolean }> =>
      (await (await gateway.fetch(`/v1/models${query}`, { headers })).json()) as never;
    const model = (id: string): object => ({
      type: "model",
      id,
      display_name: id,
      created_at: "1970-01-01T00:00:00.000Z",
    });
    expect(await list()).toEqual({
      data: ["a", "b", "c"].map(model),
      has_more: false,
      first_id: "a",
      last_id: "c",
    });
    const page = async (query: string): Promise<[string[], boolean]> => {
      const { data, has_more: hasMore } = await list(query);
      return [data.map(({ id }) => id), hasMore];
    };
    expect(await page("?limit=2")).toEqual([["a", "b"], true]);
    expect(await page("?limit=2&after_id=b")).toEqual([["c"], false]);
    expect(await page("?limit=1&before_id=c")).toEqual([["b"], true]);
    expect(await page("?limit=5&before_id=b")).toEqual([["a"], false]);
    const one = await gateway.fetch("/v1/models/b", { headers });
    expect(await one.json()).toEqual(model("b"));
  });

  test("have its envelope where something is wrong", async () => {
    await using gateway = await startGateway({ yaml, env: impatient });
    const headers = { ...version, "x-api-key": gateway.key };
    const at = (path: string): Promise<Response> => gateway.fetch(`/v1/models${path}`, { headers });
    expect(await anthropicError(await at("/absent"), 404)).toMatchObject({
      type: "not_found_error",
    });
    expect(await anthropicError(await at("?limit=0"), 400)).toMatchObject({ param: "limit" });
    expect(await anthropicError(await at("?after_id=x"), 400)).toMatchObject({ param: "after_id" });
    const unknown = await gateway.fetch("/v1/models", {
      headers: { ...version, "x-api-key": "no" },
    });
    expect(await anthropicError(unknown, 401)).toMatchObject({ type: "authentication_error" });
  });

  test("are in OpenAI's shape for everyone else", async () => {
    await using gateway = await startGateway({ yaml, env: impatient });
    expect(await (await gateway.fetch("/v1/models/a")).json()).toMatchObject({ object: "model" });
  });
});
