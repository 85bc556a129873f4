import { SemanticIndex } from "../../src/pipeline/cache/semantic-index.ts";
import { aVector } from "./semantic-entries.ts";

/**
 * A process of its own, whose memory is measured: so many questions with their vectors, into shards of an index that
 * may weigh 32 MB. Prints what the process has after the first hundred thousand and at the end, in MB, what the index says that it
 * holds, and the most that it ever said.
 */
const puts = Number(process.argv[2] ?? 500_000);
/** The index has been full for a while. */
const earlyAt = 100_000;
const shardCount = 400;
const megabyte = 1024 * 1024;
const bytesMax = 32 * megabyte;
const index = new SemanticIndex({ shardEntriesMax: 1_000, bytesMax });

const rssMb = (): number => Math.round(process.memoryUsage().rss / megabyte);
const vectors = Array.from({ length: 64 }, (_, seed) => aVector(seed));
let earlyMb = 0;
let mostBytes = 0;
for (let put = 0; put < puts; put += 1) {
  const place = { tenantId: "acme", shard: `shard-${(put * 7_919) % shardCount}` };
  // It was the one that was asked for longest ago: loaded again, with nothing.
  if (!index.has(place)) index.open(place, [], []);
  const id = String(put).padStart(26, "0");
  const text = `What about ${"words ".repeat(put % 40)}${put}?`;
  index.add({
    ...place,
    id,
    answerId: id,
    text,
    normalForm: text.toLowerCase(),
    vector: vectors[put % vectors.length]?.slice(),
    embedderId: "local",
    expiresAtEpochMs: Number.MAX_SAFE_INTEGER,
  });
  mostBytes = Math.max(mostBytes, index.bytes);
  if (put === earlyAt) earlyMb = rssMb();
  // A gateway's event loop turns between two requests: memory is given back then.
  if (put % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
}
process.stdout.write(
  JSON.stringify({
    earlyMb,
    lateMb: rssMb(),
    bytesMb: index.bytes / megabyte,
    mostMb: mostBytes / megabyte,
    shards: index.shards,
    heapMb: Math.round(process.memoryUsage().heapUsed / megabyte),
  }),
);
