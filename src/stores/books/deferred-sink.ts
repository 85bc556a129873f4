import type { Since } from "../disk/feeder-track.ts";
import type { JournalSink } from "../disk/journal-sink.ts";

export interface DeferredSink<Sink extends JournalSink> extends JournalSink {
  /** Undefined as long as it could not be opened. */
  readonly opened: Sink | undefined;
}

/**
 * A sink that is opened when it is first needed, and again after each failure to: a store that is down when the
 * process starts is one that is fed later, and keeps no other from being fed.
 */
export function deferredSink<Sink extends JournalSink>(
  name: string,
  open: () => Promise<Sink>,
): DeferredSink<Sink> {
  let opening: Promise<Sink> | undefined;
  let opened: Sink | undefined;
  let isClosed = false;
  let rewind: ((since: Since) => void) | undefined;

  const openAndListen = async (): Promise<Sink> => {
    const sink = await open();
    if (isClosed) {
      await sink[Symbol.asyncDispose]();
      throw new Error(`${name} is closed.`);
    }
    opened = sink;
    sink.onRewind((since) => rewind?.(since));
    return sink;
  };
  const whenOpen = async (): Promise<Sink> => {
    if (isClosed) throw new Error(`${name} is closed.`);
    const current = (opening ??= openAndListen());
    try {
      return await current;
    } catch (error) {
      if (opening === current) opening = undefined;
      throw error;
    }
  };

  return {
    name,
    get opened() {
      return opened;
    },
    mark: async (writer) => (await whenOpen()).mark(writer),
    take: async (batch) => (await whenOpen()).take(batch),
    onRewind: (listener) => {
      rewind = listener;
    },
    // One that is being opened closes itself.
    [Symbol.asyncDispose]: async () => {
      isClosed = true;
      await opened?.[Symbol.asyncDispose]();
    },
  };
}
