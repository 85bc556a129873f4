import type { NewJob } from "../../jobs/job-store.ts";
import type { JournalLine, JournalPosition } from "../disk/journal-line.ts";
import { jobsSinkName } from "../disk/journal-sink.ts";
import type { JournalBatch, JournalSink, TakenBatch } from "../disk/journal-sink.ts";
import { putCharactersMax, putJobsMax } from "./jobs-inbox.ts";
import type { JobsInbox } from "./jobs-inbox.ts";
import type { JobsOfLines } from "./jobs-of-lines.ts";

export interface JobsSinkOptions {
  /** Closed with the sink. */
  readonly inbox: JobsInbox;
  /** How often marks are put that came without jobs, and losses looked for; in milliseconds. */
  readonly lookEveryMs?: number;
}

/** An idle judge costs no write per batch: a mark that lags costs a replay that changes nothing. */
const lookEveryMsDefault = 10_000;

/** What the journal says of a writer, and what the store was told of it. */
interface WriterState {
  /** The mark as it is in the store, unless that has lost it. */
  readonly stored: string | undefined;
  readonly storedPosition: JournalPosition;
  /** How far the journal was taken. */
  position: JournalPosition;
  /** Whether the mark is still to be put there. */
  isBehind: boolean;
}

/**
 * Enqueues the jobs of the journal's lines `j`, and takes nothing else. Each change of a mark goes from a text to another
 * one: a store that has lost something has lost the last of them, so the next one finds it out, and all that the
 * journal has comes again. Jobs whose ids are known stay as they are.
 */
export function jobsSink({
  inbox,
  lookEveryMs = lookEveryMsDefault,
}: JobsSinkOptions): JournalSink {
  const sink = new JobsSink(inbox);
  const timer = setInterval(() => void sink.look(), lookEveryMs).unref();
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    clearInterval(timer);
    if (sink.hasMarks) await sink.look();
    await inbox[Symbol.asyncDispose]();
  };
  return {
    name: jobsSinkName,
    mark: (writer) => sink.mark(writer),
    take: (batch) => sink.take(batch),
    onRewind: (rewind) => {
      sink.rewind = rewind;
    },
    [Symbol.asyncDispose]: () => (closed ??= close()),
  };
}

class JobsSink {
  rewind: Parameters<JournalSink["onRewind"]>[0] | undefined;
  readonly #inbox: JobsInbox;
  readonly #writers = new Map<string, WriterState>();
  /** Calls run one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #losses = 0;
  /** Makes each mark another text, also of one place. */
  #marksMade = 0;

  constructor(inbox: JobsInbox) {
    this.#inbox = inbox;
  }

  /** Whether it has put any. Without, the little that it has read since it was opened is read again. */
  get hasMarks(): boolean {
    return [...this.#writers.values()].some(({ stored }) => stored !== undefined);
  }

  mark(writer: string): Promise<JournalPosition | undefined> {
    return this.#inTurn(async () => {
      this.#writers.delete(writer);
      const { stored } = await this.#stateOf(writer);
      return positionIn(stored);
    });
  }

  take({ writer, lines, mark }: JournalBatch): Promise<TakenBatch> {
    return this.#inTurn(async () => {
      const losses = this.#losses;
      const { jobs, refused } = await readJobs(lines);
      const parts = inParts(jobs);
      let added = 0;
      for (const [index, part] of parts.entries()) {
        // Only the last part brings the store to the batch's end; after a loss none does, as earlier batches are missing.
        const isLast = index === parts.length - 1 && losses === this.#losses;
        added += await this.#put(writer, part, isLast ? mark : undefined);
      }
      const state = await this.#stateOf(writer);
      if (mark !== undefined && parts.length === 0) {
        state.position = mark;
        state.isBehind = true;
      }
      return { added, spent: [], refused };
    });
  }

  /** Brings the marks up to date, and finds out what the store has lost meanwhile. Never rejects. */
  look(): Promise<void> {
    return this.#inTurn(async () => {
      for (const [writer, state] of [...this.#writers]) {
        if (state.isBehind) await this.#put(writer, [], state.position);
        else if ((await this.#inbox.mark(writer)) !== state.stored) this.#noteLoss();
      }
    }).catch(() => undefined); // It does not answer: the next batch will say so.
  }

  /** Without a position the mark stays where it was. */
  async #put(
    writer: string,
    jobs: readonly NewJob[],
    position: JournalPosition | undefined,
  ): Promise<number> {
    const put = await this.#tryPut(writer, jobs, position);
    if (put !== "lost") return put;
    this.#noteLoss();
    // At once, and not when the journal is read again: lines that are in memory alone come only once.
    const again = await this.#tryPut(writer, jobs, undefined);
    if (again === "lost") throw new Error("The marks in the job store change under our hands.");
    return again;
  }

  async #tryPut(
    writer: string,
    jobs: readonly NewJob[],
    position: JournalPosition | undefined,
  ): Promise<number | "lost"> {
    const state = await this.#stateOf(writer);
    const place = position ?? state.storedPosition;
    const to = this.#markText(place);
    const put = await this.#inbox.put(jobs, { writer, from: state.stored, to });
    if (put === "lost") return put;
    const isBehind = position === undefined && state.isBehind;
    this.#writers.set(writer, {
      stored: to,
      storedPosition: place,
      position: isBehind ? state.position : place,
      isBehind,
    });
    return put;
  }

  async #stateOf(writer: string): Promise<WriterState> {
    const known = this.#writers.get(writer);
    if (known !== undefined) return known;
    const stored = await this.#inbox.mark(writer);
    const position = positionIn(stored) ?? start;
    const state = { stored, storedPosition: position, position, isBehind: false };
    this.#writers.set(writer, state);
    return state;
  }

  /** What is left in the store fits together: each writer goes on from the mark that is there, once all was read again. */
  #noteLoss(): void {
    this.#losses += 1;
    this.#writers.clear();
    this.rewind?.("all");
  }

  #markText({ segment, offset }: JournalPosition): string {
    this.#marksMade += 1;
    return `${segment}:${offset}:${Date.now().toString(36)}${this.#marksMade.toString(36)}`;
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const run = this.#last.then(work);
    this.#last = run.catch(() => undefined); // Whoever asked gets it.
    return run;
  }
}

const start: JournalPosition = { segment: 0, offset: 0 };

function positionIn(mark: string | undefined): JournalPosition | undefined {
  const [, segment, offset] = /^(\d+):(\d+):/.exec(mark ?? "") ?? [];
  return segment === undefined ? undefined : { segment: Number(segment), offset: Number(offset) };
}

/** What reads them is loaded with the first of them: most gateways judge nothing, and it takes 80 ms of a core. */
async function readJobs(lines: readonly JournalLine[]): Promise<JobsOfLines> {
  if (lines.every(({ kind }) => kind !== "jobs")) return { jobs: [], refused: [] };
  const { jobsOf } = await import("./jobs-of-lines.ts");
  return jobsOf(lines);
}

function inParts(jobs: readonly NewJob[]): NewJob[][] {
  const parts: NewJob[][] = [];
  let characters = Infinity;
  for (const job of jobs) {
    let part = parts.at(-1);
    if (part === undefined || part.length >= putJobsMax || characters >= putCharactersMax) {
      part = [];
      parts.push(part);
      characters = 0;
    }
    part.push(job);
    characters += job.payload.length;
  }
  return parts;
}
