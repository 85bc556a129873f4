import { expect, test } from "vitest";

import { readLoadOptions, type LoadOptions } from "../../../loadtests/load/options.ts";
import { whyItMayCost } from "../../../loadtests/load/spending.ts";
import { burst } from "../../../loadtests/scenarios/burst.ts";
import { steady } from "../../../loadtests/scenarios/steady.ts";

const known = [steady, burst];

function read(list: readonly string[], environment: Record<string, string> = {}): LoadOptions {
  const options = readLoadOptions(list, environment, known);
  if ("help" in options) throw new Error("it gave help");
  return options;
}

test("without a scenario the load test says in a line each which there are", () => {
  const options = readLoadOptions([], {}, known);
  expect(options).toHaveProperty(
    "help",
    expect.stringMatching(/^ {2}steady +\S.*\n {2}burst +\S/m),
  );
});

test("the gateway is the local one unless the environment or the command line names another", () => {
  expect(read(["steady"]).url).toBe("http://127.0.0.1:8000");
  const environment = { SENTINEL_URL: "http://gateway:9000/v1/", SENTINEL_API_KEY: "sk-1" };
  expect(read(["steady"], environment)).toMatchObject({ url: "http://gateway:9000", key: "sk-1" });
  const list = ["steady", "--url", "https://other/", "--key", "sk-2"];
  expect(read(list, environment)).toMatchObject({ url: "https://other", key: "sk-2" });
});

test("scenarios run in the order in which they are named, and 'all' is all of them", () => {
  expect(read(["burst", "steady"]).scenarios).toEqual([burst, steady]);
  expect(read(["all"]).scenarios).toEqual(known);
  expect(() => read(["stedy"])).toThrow("There is no scenario stedy: there are steady, burst, all");
});

test("sizes that are given go before a scenario's own, and make sense", () => {
  expect(read(["steady"]).size).toEqual({});
  const list = ["steady", "--duration", "3", "--connections", "7", "--rate", "50"];
  expect(read(list).size).toEqual({ seconds: 3, connections: 7, ratePerSecond: 50 });
  expect(() => read(["steady", "--duration", "soon"])).toThrow("--duration takes a whole number");
  expect(() => read(["steady", "--connections", "0"])).toThrow("--connections takes");
  expect(() => read(["steady", "--report", "figures.txt"])).toThrow(".md or .json");
});

test("a model that a mock owns is free, whatever else the gateway has", () => {
  const listed = [
    { id: "mock-fast", owned_by: "mock" },
    { id: "gpt-4o", owned_by: "openai" },
  ];
  expect(whyItMayCost(["mock-fast"], listed)).toBeUndefined();
  expect(whyItMayCost(["gpt-4o"], listed)).toContain("served by openai");
});

test("an alias is free only where every provider is a mock, and an unknown model never is", () => {
  const mocks = [
    { id: "quick", owned_by: "sentinel" },
    { id: "mock-fast", owned_by: "mock-atlas" },
  ];
  expect(whyItMayCost(["quick"], mocks)).toBeUndefined();
  const mixed = [...mocks, { id: "claude-haiku-4-5", owned_by: "anthropic" }];
  expect(whyItMayCost(["quick"], mixed)).toContain("claude-haiku-4-5 of anthropic");
  expect(whyItMayCost(["mock-slow"], mocks)).toContain("does not list the model mock-slow");
  const aliasesAlone = [{ id: "quick", owned_by: "sentinel" }];
  expect(whyItMayCost(["quick"], aliasesAlone)).toContain("nobody says where it leads");
  const soundsLikeIt = [{ id: "vote-1", owned_by: "democracy.ai" }];
  expect(whyItMayCost(["vote-1"], soundsLikeIt)).toContain("served by democracy.ai");
});
