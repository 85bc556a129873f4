import { readFile } from "node:fs/promises";

import { expect, test } from "vitest";

import { createMetrics } from "../../../src/telemetry/metrics.ts";

const page = new URL("../../../docs/observability.md", import.meta.url);

test("docs/observability.md has every metric, with its type and labels, and no other", async () => {
  const { registry } = createMetrics({ version: "1", onCollectFailure: () => undefined });
  const families = [...registry.snapshots()].map(({ name, type, labelNames }) =>
    [name, type, labelNames.join(", ")].join(" | "),
  );
  const rows = (await readFile(page, "utf8")).matchAll(
    /^\| `(sentinel_\w+)` +\| (\w+) +\| ([\w, ]*?) +\|/gm,
  );
  const documented = [...rows].map(([, name, type, labels]) => [name, type, labels].join(" | "));
  expect(documented.toSorted()).toEqual(families.toSorted());
});
