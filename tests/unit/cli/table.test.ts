import { expect, test } from "vitest";

import { byteText, dollarText, field, printable, table } from "../../../src/cli/table.ts";

test("columns are as wide as they need to be, numbers to the right, and empty ones are left out", () => {
  const columns = [
    { title: "MODEL", text: field("model") },
    { title: "FAILED", text: field("failed") },
    { title: "N", text: field("n"), isNumber: true },
  ] as const;
  expect(
    table(columns, [
      { model: "gpt-4o-mini", n: 5 },
      { model: "o3", n: 12_345 },
    ]),
  ).toBe(["MODEL            N", "gpt-4o-mini      5", "o3           12345"].join("\n"));
  expect(table(columns, [])).toBe("Nothing to show.");
});

test("what a client has sent cannot steer the terminal, break a line or turn the writing around", () => {
  expect(printable("a\u001b[31mb\nc\u009bd\u202ee\u2066f\u200bg\ufeff")).toBe("a?[31mb?c?d?e?f?g?");
  expect(printable("naïve 模型 🙂")).toBe("naïve 模型 🙂");
});

test.each([
  ["0.000000000", "$0"],
  ["0.000012350", "$0.00001235"],
  ["0.100000000", "$0.1000"],
  ["1.234550000", "$1.2346"],
  ["1.234549999", "$1.2345"],
  ["1234567.999950000", "$1,234,568.0000"],
  ["-2.5", "-$2.5000"],
  ["", ""],
  [undefined, ""],
])("%j dollars are shown as %j", (usd, shown) => {
  expect(dollarText(usd)).toBe(shown);
});

test.each([
  [0, "0 B"],
  [1_023, "1023 B"],
  [1_536, "1.5 KiB"],
  [2 ** 31, "2.0 GiB"],
])("%d bytes are %s", (bytes, text) => {
  expect(byteText(bytes)).toBe(text);
});
