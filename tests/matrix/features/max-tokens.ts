import { expect } from "vitest";

import { user } from "../ask.ts";
import type { Feature } from "../cell.ts";

export const maxTokens: Feature = {
  name: "max tokens",
  test: async ({ askFor, stage, vendor }) => {
    const models = new Set([vendor.usualModel, ...vendor.thinkingModels.map(({ model }) => model)]);
    for (const model of models) {
      const ask = { model, turns: [user("Count.")], maxTokens: 77 };
      const reply = await askFor({ text: "One, two, thr", finish: "length" }, ask);
      expect(reply).toMatchObject({ text: "One, two, thr", finish: "length" });
      expect(stage.seen()).toMatchObject({ model, maxTokens: 77 });
    }
    return "ok";
  },
};
