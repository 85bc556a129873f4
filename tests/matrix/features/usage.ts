import { expect } from "vitest";

import { user } from "../ask.ts";
import type { Feature } from "../cell.ts";

const turns = [user("Hi")];

export const usage: Feature = {
  name: "usage",
  test: async ({ askFor }) => {
    const counted = { input: 1_234, cached: 0, written: 0, output: 56, thoughts: 0 };
    const reply = await askFor({ text: "Hello there.", usage: counted }, { turns });
    expect(reply.usage).toEqual({ input: 1_234, cached: 0, written: 0, output: 56 });
    return "ok";
  },
};

/** A vendor that does not count what it cached is not said to have cached anything. */
export const cachedUsage: Feature = {
  name: "cached usage",
  test: async ({ askFor, stage, vendor }) => {
    const cached = vendor.countsCached ? 2_048 : 0;
    const written = vendor.countsWritten ? 512 : 0;
    const counted = { input: 3_000, cached, written, output: 9, thoughts: 0 };
    const ask = { system: "A long text.", caches: vendor.name === "anthropic", turns };
    const reply = await askFor({ text: "Hello there.", usage: counted }, ask);
    expect(reply.usage).toEqual({ input: 3_000, cached, written, output: 9 });
    if (vendor.name === "anthropic") expect(stage.seen().caches).toBe(true);
    return "ok";
  },
};
