import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import type { JournalPosition } from "../../disk/journal-line.ts";
import type { RedisIdentity } from "./loss-watch.ts";

/**
 * How far Redis is in each writer's journal, in files of ours: `<data>/marks/redis/<writer>.json`. In Redis itself
 * they would be lost, or kept, apart from what they speak of. Each says which Redis it means, so that one of another
 * data set is worth nothing, and one of a server that was restarted since counts as of a minute before.
 */
export class RedisMarks {
  readonly #folder: string;
  readonly #marks = new Map<string, WriterMark>();
  readonly #unsaved = new Set<string>();

  constructor(dataDir: string) {
    this.#folder = join(dataDir, "marks", "redis");
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    forgetGone(this.#folder, join(dataDir, "journal"));
  }

  /** Undefined: from the beginning. */
  of(writer: string, redis: RedisIdentity): JournalPosition | undefined {
    const inMemory = this.#marks.get(writer);
    if (inMemory !== undefined) return inMemory.places.at(-1)?.position;
    const stored = this.#read(writer);
    if (stored?.epochs !== redis.epochs) return undefined;
    const places = stored.servers === redis.servers ? stored.places : heldSurely(stored.places);
    if (places.length > 0) this.#marks.set(writer, { places });
    return places.at(-1)?.position;
  }

  note(writer: string, position: JournalPosition, nowMs: number): void {
    const places = this.#marks.get(writer)?.places ?? [];
    const kept = hasRoom(places, nowMs) ? places : places.slice(0, -1);
    const next = [...kept, { epochMs: nowMs, position }].slice(-placesMax);
    this.#marks.set(writer, { places: next });
    this.#unsaved.add(writer);
  }

  /** What was acknowledged after an instant is lost. */
  goBack(since: { readonly epochMs: number } | "all"): void {
    for (const [writer, { places }] of this.#marks) {
      const held = since === "all" ? [] : places.filter(({ epochMs }) => epochMs <= since.epochMs);
      this.#marks.set(writer, { places: held });
      this.#unsaved.add(writer);
    }
  }

  /** A mark that is not saved lags, and no more. Throws where the disk takes nothing; it is tried again next time. */
  save(redis: RedisIdentity): void {
    for (const writer of this.#unsaved) {
      const { places } = this.#marks.get(writer) ?? { places: [] };
      this.#write(`${writer}.json`, { ...redis, places });
      this.#unsaved.delete(writer);
    }
  }

  /** The data set that this data directory fed last, by any process; undefined: none. */
  lastEpochs(): string | undefined {
    return epochsSchema.safeParse(this.#readJson(epochsFile)).data?.epochs;
  }

  saveEpochs(epochs: string): void {
    this.#write(epochsFile, { epochs });
  }

  #read(writer: string): z.infer<typeof fileSchema> | undefined {
    if (!writerPattern.test(writer)) return undefined;
    return fileSchema.safeParse(this.#readJson(`${writer}.json`)).data;
  }

  #readJson(name: string): unknown {
    try {
      return JSON.parse(readFileSync(join(this.#folder, name), "utf8"));
    } catch {
      return undefined; // Not there, or torn: without a mark everything comes again, which does no harm.
    }
  }

  /** Whole or not at all. */
  #write(name: string, content: unknown): void {
    const path = join(this.#folder, name);
    const temporary = `${path}.${process.pid}.new`;
    writeFileSync(temporary, JSON.stringify(content), { mode: 0o600 });
    renameSync(temporary, path);
  }
}

/** So much of what it acknowledged a server that was restarted, or a new master, may not have. */
export const lostMsMax = 60_000;

interface Place {
  readonly epochMs: number;
  readonly position: JournalPosition;
}

interface WriterMark {
  /** The oldest first; the last is the mark. */
  readonly places: readonly Place[];
}

/** Places are this far apart, save the last, and reach back further than `lostMsMax`. */
const placeStepMs = 5_000;
const placesMax = 40;

/** Whether the last place is one to keep beside a newer one. */
function hasRoom(places: readonly Place[], nowMs: number): boolean {
  const previous = places.at(-2);
  if (previous === undefined) return true;
  const last = places.at(-1)?.epochMs ?? nowMs;
  return last - previous.epochMs >= placeStepMs;
}

function heldSurely(places: readonly Place[]): readonly Place[] {
  const acknowledgedMs = places.at(-1)?.epochMs ?? 0;
  return places.filter(({ epochMs }) => epochMs <= acknowledgedMs - lostMsMax);
}

const epochsFile = "data-set.json";
const epochsSchema = z.object({ epochs: z.string() });

const count = z.number().int().nonnegative();
const fileSchema = z.object({
  epochs: z.string(),
  servers: z.string(),
  places: z.array(
    z.object({ epochMs: count, position: z.object({ segment: count, offset: count }) }),
  ),
});

const writerPattern = /^[0-9A-Z]{26}$/;

/** Marks of writers whose journal is deleted. */
function forgetGone(folder: string, journalFolder: string): void {
  for (const name of readdirSync(folder)) {
    const writer = name.slice(0, 26);
    if (!writerPattern.test(writer) || existsSync(join(journalFolder, writer))) continue;
    rmSync(join(folder, name), { force: true });
  }
}
