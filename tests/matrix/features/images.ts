import { expect } from "vitest";

import { user } from "../ask.ts";
import type { Feature } from "../cell.ts";
import { statusOf } from "../sdk-failures.ts";

/** One red pixel. */
const base64 =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
const url = "https://example.com/pixel.png";

export const images: Feature = {
  name: "images",
  test: async ({ askFor, stage, vendor }) => {
    const inline = user("What is this?", { mediaType: "image/png", base64 });
    const reply = await askFor({ text: "A red pixel." }, { turns: [inline] });
    expect(reply.text).toBe("A red pixel.");
    const question = { kind: "text", text: "What is this?" };
    const image = { kind: "image", mediaType: "image/png", base64 };
    expect(stage.seen().turns).toEqual([{ role: "user", parts: [question, image] }]);

    const remote = { turns: [user("What is this?", { url })] };
    if (vendor.fetchesImages) {
      await askFor({ text: "A red pixel." }, remote);
      const seen = [{ role: "user", parts: [question, { kind: "image", url }] }];
      expect(stage.seen().turns).toEqual(seen);
      return "ok";
    }
    const refusal: unknown = await askFor({ text: "!" }, remote).catch((error: unknown) => error);
    expect(statusOf(refusal)).toBe(400);
    expect(String(refusal)).toMatch(/image/i);
    stage.forget();
    return "told";
  },
};
