import { expect } from "vitest";

import { user } from "../ask.ts";
import type { Ask } from "../ask.ts";
import type { Feature } from "../cell.ts";

const turns = [user("Hi")];
const turnsSeen = [{ role: "user", parts: [{ kind: "text", text: "Hi" }] }];

export const system: Feature = {
  name: "system",
  test: async ({ askFor, stage, clientName }) => {
    const asks: Ask[] = [{ system: "Answer in verse.", turns }];
    if (clientName === "openai") asks.push({ system: "Be brief.", systemRole: "developer", turns });
    else asks.push({ system: "Be brief.", caches: true, turns }); // A list of blocks.
    for (const ask of asks) {
      const reply = await askFor({ text: "Hello" }, ask);
      expect(reply.text).toBe("Hello");
      expect(stage.seen()).toMatchObject({ system: ask.system, turns: turnsSeen });
    }
    return "ok";
  },
};
