import type { JournalPosition } from "../../src/stores/disk/journal-line.ts";
import type { JournalBatch, JournalSink, TakenBatch } from "../../src/stores/disk/journal-sink.ts";

/** What may happen to one call of a store, by the chance of it. */
export interface FaultChances {
  /** The batch does not arrive. */
  readonly beforeTake: number;
  /** It was taken, and the acknowledgement is lost. */
  readonly afterTake: number;
  /** A part of it arrives, in any order, without its mark, before the store fails. */
  readonly inTake: number;
  /** It is handed over a second time, as it is or backwards. */
  readonly twice: number;
  /** A batch of before comes again, marks included. */
  readonly stale: number;
  /** The mark that is told is one of before. */
  readonly oldMark: number;
}

/** So many batches of before are kept to come again. */
const keptMax = 20;

/** A sink between the feeder and a store, on a bad line. What it lets through the store has taken. */
export function faultySink(options: {
  readonly inner: JournalSink;
  readonly random: () => number;
  readonly chances: () => FaultChances;
  /** The store has, or will have, taken these. */
  readonly onGiven: (batch: JournalBatch) => void;
}): JournalSink {
  const { inner, random, chances, onGiven } = options;
  const before: JournalBatch[] = [];
  let losses = 0;
  const giver = () => {
    const lossesAtFirst = losses;
    return (batch: JournalBatch): Promise<TakenBatch> => {
      onGiven(batch);
      // What was under way when the store lost something says nothing of where it is now.
      return inner.take(losses === lossesAtFirst ? batch : { ...batch, mark: undefined });
    };
  };
  const oneOf = <Item>(items: readonly Item[]): Item | undefined =>
    items[Math.floor(random() * items.length)];

  return {
    name: inner.name,
    mark: async (writer): Promise<JournalPosition | undefined> => {
      const mark = await inner.mark(writer);
      if (mark === undefined || random() >= chances().oldMark) return mark;
      return oneOf(before.filter((batch) => batch.writer === writer))?.mark;
    },
    take: async (batch) => {
      const { beforeTake, afterTake, inTake, twice, stale } = chances();
      const give = giver();
      if (random() < beforeTake) throw new Error("a fault: the batch did not arrive");
      if (random() < inTake) {
        const some = shuffled(batch.lines, random).slice(
          0,
          Math.ceil(random() * batch.lines.length),
        );
        await give({ ...batch, lines: some, mark: undefined });
        throw new Error("a fault: a part of the batch arrived");
      }
      if (random() < stale) {
        const again = oneOf(before);
        // Its mark is behind; the mark of the batch that follows puts that right.
        if (again?.writer === batch.writer) await give(again);
        else if (again !== undefined) await give({ ...again, mark: undefined });
      }
      const taken = await give(batch);
      before.push(batch);
      if (before.length > keptMax) before.shift();
      if (random() < twice) {
        const lines = random() < 0.5 ? batch.lines : batch.lines.toReversed();
        await give({ ...batch, lines });
      }
      if (random() < afterTake) throw new Error("a fault: the acknowledgement was lost");
      return taken;
    },
    onRewind: (rewind) => {
      inner.onRewind((since) => {
        losses += 1;
        before.length = 0;
        rewind(since);
      });
    },
    [Symbol.asyncDispose]: async () => {
      await inner[Symbol.asyncDispose]();
    },
  };
}

export function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((left, right) => left.place - right.place)
    .map(({ item }) => item);
}
