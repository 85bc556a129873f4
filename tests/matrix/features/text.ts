import { expect } from "vitest";

import { user } from "../ask.ts";
import type { Feature } from "../cell.ts";

/** Letters of one to four bytes, and one made of two code points. */
export const awkwardText = "Grüße aus 東京! 👋🏽 “Hi”\nC:\\new\t</tool> [DONE] \u2028 1 < 2 & ½";

export const text: Feature = {
  name: "text",
  test: async ({ askFor, clientName, mode, vendor, stage }) => {
    const reply = await askFor(
      { text: awkwardText },
      { turns: [user(`Repeat: ${awkwardText}`)], temperature: 0.3 },
    );
    expect(reply).toMatchObject({ text: awkwardText, finish: "stop", reasoning: "" });
    expect(reply).toMatchObject({ toolCalls: [], droppedParams: [], model: vendor.usualModel });
    expect(reply.requestId).toMatch(/^[0-9A-Z]{26}$/);
    if (mode === "streamed") expect(reply.textPieces).toBeGreaterThan(3);
    expect(stage.seen()).toMatchObject({
      model: vendor.usualModel,
      isStream: mode === "streamed",
      temperature: clientName === "openai" ? 0.3 : undefined,
      system: "",
      turns: [{ role: "user", parts: [{ kind: "text", text: `Repeat: ${awkwardText}` }] }],
    });
    return "ok";
  },
};
