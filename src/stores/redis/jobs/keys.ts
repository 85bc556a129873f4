import { readScript } from "../script.ts";
import type { RedisScript } from "../script.ts";

/**
 * Jobs and daily caps in Redis. All of it has one hash tag: a claim looks at all kinds' queues in one step, and one
 * server can do far more of that than judges can judge. Which job a claim takes, and which queue a job goes back to, is
 * known only inside a script, so scripts make those keys themselves (`names.lua`); the tag keeps them in the slot of the
 * keys that are declared. Times are Redis' own (TIME), milliseconds since 1970. Nothing expires but caps, and
 * no backup has any of it: a queue that is put back would do again what was done since.
 *
 *     {jobs}:job:<id>             HASH  k kind, t tenant, p priority, s state (w, r, x: dead), b payload, e enqueued, d due,
 *                                       a attempt, n round; running: o token, w worker; dead: f reason
 *     {jobs}:waiting:<kind>:<p>   ZSET  id by when it is due
 *     {jobs}:running:<kind>       ZSET  id by the end of its lease
 *     {jobs}:dead:<kind>          ZSET  id by when it died
 *     {jobs}:bytes                STRING  of the payloads of what waits or runs
 *     {jobs}:over                 ZSET  id of what is done or cancelled, by when
 *     {jobs}:kinds                SET   kinds that were ever enqueued
 *     {jobs}:marks                HASH  writer of a journal → how far it is enqueued; {jobs}:marks:at  ZSET  writer by when
 *     {jobs}:caps:<day>           HASH  n:<cap>: nano-dollars, t:<cap>: tokens; goes after four days
 */
const prefix = "{jobs}:";

export const jobKeys = {
  kinds: `${prefix}kinds`,
  over: `${prefix}over`,
  marks: `${prefix}marks`,
  markTimes: `${prefix}marks:at`,
  job: (id: string): string => `${prefix}job:${id}`,
  waiting: (kind: string, priority: number): string => `${prefix}waiting:${kind}:${priority}`,
  running: (kind: string): string => `${prefix}running:${kind}`,
  caps: (day: string): string => `${prefix}caps:${day}`,
} as const;

const names = new URL("names.lua", import.meta.url);

/** A script of this folder, with the names of keys before it. */
export const jobScript = (name: string): RedisScript =>
  readScript(new URL(`${name}.lua`, import.meta.url), [names]);
