import { systemClock } from "../../src/lib/clock.ts";
import { MemoryExactCache } from "../../src/stores/memory/exact-cache.ts";
import { anAnswer } from "./stored-answers.ts";

/**
 * A process of its own, whose memory is measured: so many puts of 1 to 3 kB, cut out of larger pieces as a socket
 * gives them, into a cache of 32 MB. Prints what the process has after the first hundred thousand and at the end, in MB, what the
 * cache says that it keeps, and what a put cost.
 */
const puts = Number(process.argv[2] ?? 1_000_000);
/** The cache has been full for a while. */
const earlyAt = 100_000;
const megabyte = 1024 * 1024;
const cache = new MemoryExactCache({ bytesMax: 32 * megabyte, clock: systemClock });
const now = Date.now();
const fields = { ...anAnswer({ begunEpochMs: now }), expiresAtEpochMs: now + 3_600_000 };

const rssMb = (): number => Math.round(process.memoryUsage().rss / megabyte);
let piece = Buffer.alloc(65_536, "z");
let at = 0;
let earlyMb = 0;
const before = process.cpuUsage();
for (let index = 0; index < puts; index += 1) {
  const length = 1_000 + ((index * 7_919) % 2_000);
  if (at + length > piece.length) {
    piece = Buffer.alloc(65_536, "z");
    at = 0;
  }
  const bytes = piece.subarray(at, at + length);
  at += length;
  cache.put(`key-${index}`, { ...fields, body: { kind: "whole", bytes } });
  if (index === earlyAt) earlyMb = rssMb();
  // A gateway's event loop turns between two requests: memory is given back then.
  if (index % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
}
const { user, system } = process.cpuUsage(before);
process.stdout.write(
  JSON.stringify({
    earlyMb,
    lateMb: rssMb(),
    bytesMb: cache.bytes / megabyte,
    entries: cache.size,
    heapMb: Math.round(process.memoryUsage().heapUsed / megabyte),
    microsPerPut: (user + system) / puts,
  }),
);
