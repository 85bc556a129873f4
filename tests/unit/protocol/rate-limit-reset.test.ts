import { expect, test } from "vitest";

import { rateLimitReset } from "../../../src/protocol/rate-limit-reset.ts";

test.each([
  [-5, "0ms"],
  [12, "12ms"],
  [1_000, "1s"],
  [59_001, "1m0s"],
  [360_000, "6m0s"],
  [3_723_000, "1h2m3s"],
])("%i ms are written as %s", (ms, written) => {
  expect(rateLimitReset(ms)).toBe(written);
});
