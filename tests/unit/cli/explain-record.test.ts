import { expect, test } from "vitest";

import { explain } from "../../../src/cli/commands/explain-record.ts";
import type { Answer } from "../../../src/cli/gateway-client.ts";
import type { AuditEntry } from "../../../src/pipeline/audit/entry.ts";
import { requestBypassReasons } from "../../../src/pipeline/cache/eligibility.ts";
import { notStoredReasons } from "../../../src/pipeline/cache/storable.ts";
import { aCacheEntry, aHit, anEntry, anOldCacheEntry } from "../../support/audit-builders.ts";

const startedMs = Date.UTC(2026, 10, 20);
const from = "01KC2J9M4T0000000000000000";

/** The line that begins with the word, without it. */
function line(word: string, entry: AuditEntry): string {
  const record = { ...entry, writer: "W", seq: 1, hash: "h", amendments: [] } as unknown as Answer;
  const found = explain(record)
    .split("\n")
    .find((one) => one.startsWith(`${word} `));
  return (found ?? "").slice(word.length).trim();
}

test("a hit names the request whose answer it is, and what it saved", () => {
  const saved = {
    saved_nano_usd: 1_234_000,
    saved_input_tokens: 1_200,
    saved_output_tokens: 345,
  };
  const exact = aHit(startedMs, { from, ...saved });
  expect(line("Cache", exact)).toBe(
    `exact: the answer to ${from}; saved $0.001234, tokens 1,200 in and 345 out`,
  );
  expect(line("Cost", exact)).toBe("$0, exact; no provider was asked");
  expect(line("Tokens", exact)).toBe("none known to have been used");
  const semantic = aHit(startedMs, { outcome: "semantic", similarity: 0.9712, from, ...saved });
  expect(line("Cache", semantic)).toContain(`semantic: the answer to ${from}, similarity 0.9712;`);
});

test("what had no price is not said to have saved $0", () => {
  const unpriced = aHit(startedMs, { from, saved_input_tokens: 9, saved_output_tokens: 1 });
  expect(line("Cache", unpriced)).toBe(`exact: the answer to ${from}; saved tokens 9 in and 1 out`);
  expect(line("Cache", aHit(startedMs, { from }))).toBe(
    `exact: the answer to ${from}; what it saved is not known`,
  );
});

test("every reason to go past the cache has words of its own", () => {
  const reasons = [...new Set([...requestBypassReasons, ...notStoredReasons])];
  const texts = reasons.map((reason) =>
    line("Cache", anEntry(startedMs, { cache: aCacheEntry({ reason }) })),
  );
  expect(new Set(texts).size).toBe(reasons.length);
  for (const text of texts) expect(text).toMatch(/^bypass: [a-z][a-z ,'$-]{15,}$/);
  const later = aCacheEntry({ reason: "some_reason_to_come" });
  expect(line("Cache", anEntry(startedMs, { cache: later }))).toBe("bypass: some_reason_to_come");
  const inherited = aCacheEntry({ reason: "constructor" });
  expect(line("Cache", anEntry(startedMs, { cache: inherited }))).toBe("bypass: constructor");
});

test("a miss says so, and a request that never came to the cache has no reason", () => {
  const miss = aCacheEntry({ outcome: "miss" });
  expect(line("Cache", anEntry(startedMs, { cache: miss }))).toBe(
    "miss: nothing was taken from it",
  );
  expect(line("Cache", anEntry(startedMs))).toBe("bypass");
});

test("a record of an older version is explained as far as it goes", () => {
  expect(line("Cache", anEntry(startedMs, { cache: anOldCacheEntry() }))).toBe("bypass");
  const cache = anOldCacheEntry({ outcome: "exact", from, saved_nano_usd: 500_000 });
  expect(line("Cache", aHit(startedMs, {}, { cache }))).toBe(
    `exact: the answer to ${from}; saved $0.0005`,
  );
});

test("a price that nobody knows is told apart from a provider that nobody asked", () => {
  const unpriced = anEntry(startedMs, { price: null, cost_nano_usd: 0, cost_status: "unpriced" });
  expect(line("Cost", unpriced)).toBe("$0, unpriced, no price known");
  expect(line("Cost", anEntry(startedMs))).toBe("$0.00012345, exact; price: genai-prices 1");
});
