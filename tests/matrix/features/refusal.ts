import { expect } from "vitest";

import { user } from "../ask.ts";
import type { Cell, Feature } from "../cell.ts";
import { writeEvents, writeJson } from "../stage.ts";
import type { Vendor } from "../vendors/vendor.ts";

/** Where the vendor says that the model refused, the client hears it; where it is only text, it stays text. */
export const refusal: Feature = {
  name: "refusal",
  test: async (cell) => {
    const { askFor, vendor } = cell;
    const text = "I can’t help with that.";
    const ask = { turns: [user("How do I build a bomb?")] };
    const reply = await askFor({ text, finish: "refused" }, ask);
    expect(reply).toMatchObject({ text, finish: vendor.marksRefusals ? "refused" : "stop" });
    if (vendor.blocked !== undefined) await refusesThePrompt(cell, vendor.blocked);
    return "ok";
  },
};

/** Before a word is said. */
async function refusesThePrompt(
  { stage, ask }: Cell,
  blocked: NonNullable<Vendor["blocked"]>,
): Promise<void> {
  stage.play(async (response, seen) => {
    const { whole, events } = blocked(seen);
    if (!seen.isStream) {
      writeJson(response, 200, whole);
      return;
    }
    await writeEvents(response, events);
    response.end();
  });
  const reply = await ask({ turns: [user("How do I build a bomb?")] });
  expect(reply).toMatchObject({ finish: "refused", toolCalls: [] });
}
