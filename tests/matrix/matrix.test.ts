import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { ClientName, Mode } from "./ask.ts";
import { makeCell } from "./cell.ts";
import { features } from "./features/all.ts";
import { startStage } from "./stage.ts";
import type { Stage } from "./stage.ts";
import { Table } from "./table.ts";
import type { Place } from "./table.ts";
import { vendors } from "./vendors/all.ts";

/**
 * Every feature × every vendor × both official clients × whole and streamed. The vendors are played by
 * scripts that refuse what the vendors' documents say they refuse. `ok`: tested; `told`: the vendor cannot do
 * it, and the test saw that the caller is told so.
 */
const clients: readonly ClientName[] = ["openai", "anthropic"];
const modes: readonly Mode[] = ["whole", "streamed"];

const places: readonly Place[] = vendors.flatMap((vendor) =>
  clients.flatMap((client) =>
    features.flatMap(({ name }) =>
      modes.map((mode) => ({ feature: name, vendor: vendor.name, client, mode })),
    ),
  ),
);
const table = new Table(places);

describe.each(vendors)("$name", (vendor) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await startStage(vendor);
  });
  afterAll(async () => {
    await stage[Symbol.asyncDispose]();
  });

  describe.each(clients)("%s client", (client) => {
    describe.each(modes)("%s", (mode) => {
      test.each(features)("$name", async (feature) => {
        const place = { feature: feature.name, vendor: vendor.name, client, mode };
        table.note(place, "FAILED");
        stage.forget();
        try {
          const verdict = await feature.test(makeCell(stage, client, mode));
          expect(stage.complaints).toEqual([]);
          table.note(place, verdict);
        } catch (error) {
          if (stage.complaints.length === 0) throw error;
          throw new Error(`${vendor.name} refuses: ${stage.complaints.join("\n")}`, {
            cause: error,
          });
        }
      });
    });
  });
});

test("no cell of the matrix is missing", () => {
  expect(table.gaps).toEqual([]);
});

afterAll(() => {
  for (const client of clients) process.stdout.write(`\n${table.print(client)}`);
});
