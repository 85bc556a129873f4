import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

import { providerTypes } from "../../../src/config/provider-shapes.ts";
import { docsPath, providerDocs } from "../../../scripts/make-provider-docs.ts";

test("docs/providers.md is what the code says, and has every provider", async () => {
  const made = await providerDocs();
  expect(await readFile(docsPath, "utf8"), "run: npm run docs:providers").toBe(made);
  for (const type of providerTypes.filter((name) => name !== "demo")) {
    expect(made).toMatch(new RegExp(`^## .*\\(\`${type}\`\\)$`, "m"));
  }
});
