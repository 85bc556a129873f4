import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";

import type { RedisServer } from "../../support/redis.ts";
import { secretsIn } from "./calls.ts";

/** Where judged text still is when all is judged. */
export interface Leftovers {
  /** Jobs that are over, and not dead, and have their payload. */
  readonly payloads: number;
  /** Dead jobs, whose text is kept so that they can be tried again. */
  readonly dead: number;
  /** Calls whose text stands, byte for byte, in the queue's file or in Redis, and is of no dead job. */
  readonly queued: ReadonlySet<string>;
  /** Calls whose text stands in the journal, which keeps what all stores have for an hour. */
  readonly journalled: ReadonlySet<string>;
  /** Any other file of the data directory that has such a text. */
  readonly elsewhere: readonly string[];
}

/** To be asked when the gateways have ended, so that all is in the files. */
export async function findLeftovers(
  dataDir: string,
  redis: RedisServer | undefined,
): Promise<Leftovers> {
  const jobs = redis === undefined ? jobsInFile(join(dataDir, "jobs.db")) : await jobsIn(redis);
  const journalled = new Set<string>();
  const elsewhere: string[] = [];
  for (const path of filesIn(dataDir)) {
    const place = relative(dataDir, path);
    const found = secretsIn(readFileSync(path, "latin1"));
    if (place.startsWith("jobs.db")) addAll(jobs.queued, found);
    else if (place.startsWith("journal")) addAll(journalled, found);
    else if (found.size > 0) elsewhere.push(place);
  }
  for (const label of jobs.ofDead) jobs.queued.delete(label);
  const { payloads, dead, queued } = jobs;
  return { payloads, dead, queued, journalled, elsewhere };
}

export function leftoverProblems({ payloads, queued, elsewhere }: Leftovers): string[] {
  return [
    ...[...queued].map((label) => `the text of ${label} is still in the queue`),
    ...(payloads > 0 ? [`${payloads} jobs that are over have their text`] : []),
    ...elsewhere.map((place) => `judged text is in ${place}`),
  ];
}

interface JobsLeft {
  readonly payloads: number;
  readonly dead: number;
  readonly queued: Set<string>;
  readonly ofDead: ReadonlySet<string>;
}

function jobsInFile(path: string): JobsLeft {
  const ofDead = new Set<string>();
  if (!existsSync(path)) return { payloads: 0, dead: 0, queued: new Set(), ofDead };
  using database = new DatabaseSync(path, { readOnly: true });
  const rows = database
    .prepare("SELECT state, payload FROM payloads JOIN jobs USING (number)")
    .all();
  const dead = rows.filter(({ state }) => state === "dead");
  for (const { payload } of dead) addAll(ofDead, secretsIn(String(payload)));
  return { payloads: rows.length - dead.length, dead: dead.length, queued: new Set(), ofDead };
}

async function jobsIn(redis: RedisServer): Promise<JobsLeft> {
  const found = { payloads: 0, dead: 0, queued: new Set<string>(), ofDead: new Set<string>() };
  for (const key of (await redis.command("KEYS", "{jobs}:job:*")) as string[]) {
    const [state, payload] = (await redis.command("HMGET", key, "s", "b")) as (string | null)[];
    if (payload === null || payload === undefined) continue;
    if (state === "x") {
      found.dead += 1;
      addAll(found.ofDead, secretsIn(payload));
    } else {
      found.payloads += 1;
      addAll(found.queued, secretsIn(payload));
    }
  }
  return found;
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function addAll(all: Set<string>, some: Iterable<string>): void {
  for (const one of some) all.add(one);
}
