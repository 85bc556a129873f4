import { randomBytes } from "node:crypto";
import { join } from "node:path";

import { expect, test } from "vitest";

import { measureBooks } from "../../../support/measure-books.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

/** `scripts/million-records.ts` does the same with a million. */
test("pages and sums over thirty days come within their goals", { timeout: 60_000 }, async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  const { questions } = await measureBooks({ dataDir, records: 6_000, chainKey: randomBytes(32) });
  expect(questions.filter(({ isBounded }) => !isBounded)).toEqual([]);
  const rowsOf = (name: string) => questions.find((question) => question.name === name)?.rows;
  expect(rowsOf("page: everything")).toBe(50);
  expect(rowsOf("page: a tag that nobody has")).toBe(0);
  expect(rowsOf("usage of a month: by model")).toBe(20);
});
