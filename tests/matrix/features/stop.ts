import { expect } from "vitest";

import { user } from "../ask.ts";
import type { Feature } from "../cell.ts";

export const stop: Feature = {
  name: "stop",
  test: async ({ askFor, stage }) => {
    for (const sequences of [["END"], ["END", "\nUser:"]]) {
      const reply = await askFor(
        { text: "One, two", stoppedAt: "END" },
        { turns: [user("Count.")], stop: sequences },
      );
      expect(reply).toMatchObject({ text: "One, two", finish: "stop" });
      expect(stage.seen().stop).toEqual(sequences);
    }
    return "ok";
  },
};
