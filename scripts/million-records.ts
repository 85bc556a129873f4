import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { measureBooks } from "../tests/support/measure-books.ts";

/**
 * The proof of what the documents say of large audit logs: a million records over thirty days, then pages, sums and
 * their times. Takes some minutes. `node scripts/million-records.ts [records] [folder]`
 */
const records = Number(process.argv[2] ?? 1_000_000);
const given = process.argv[3];
const folder = given ?? mkdtempSync(join(tmpdir(), "sentinel-million-"));
const dataDir = join(folder, "data");

try {
  const figures = await measureBooks({ dataDir, records, chainKey: randomBytes(32) });
  const bytes = (part: string): number =>
    readdirSync(dataDir, { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile() && file.name.startsWith(part))
      .reduce((all, file) => all + statSync(join(file.parentPath, file.name)).size, 0);
  console.log(`${records} records over 30 days`);
  console.log(
    `  written at ${Math.round(figures.recordsPerSecond)}/s, ${figures.cpuMicrosPerRecord.toFixed(0)} µs of processor time each`,
  );
  console.log(
    `  bytes per record: ${Math.round(bytes("audit-") / records)} of audit (its text has ${Math.round(figures.textBytes / records)}), ${Math.round(bytes("ledger") / records)} of ledger`,
  );
  for (const { name, rows, pages, medianMs, worstMs, isBounded } of figures.questions) {
    const shown = `${medianMs.toFixed(1).padStart(7)} ms, at worst ${worstMs.toFixed(1).padStart(7)} ms`;
    const goal = isBounded ? "" : "  BEYOND ITS GOAL";
    console.log(`  ${name.padEnd(46)} ${shown}  ${rows} rows in ${pages} calls${goal}`);
  }
  process.exitCode = figures.questions.every(({ isBounded }) => isBounded) ? 0 : 1;
} finally {
  if (given === undefined) rmSync(folder, { recursive: true, force: true });
}
