import { expect, test } from "vitest";

import { ownValue } from "../../../src/lib/own-value.ts";

test("a table has what was put into it, and nothing of what every object inherits", () => {
  const table = { a: 1 };
  expect(ownValue(table, "a")).toBe(1);
  for (const name of ["b", "constructor", "__proto__", "toString", undefined, 1, null]) {
    expect(ownValue(table, name)).toBeUndefined();
  }
});
