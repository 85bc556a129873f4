import type { SseEvent } from "../../protocol/sse.ts";
import { noteUsage } from "../note-usage.ts";
import type { EventBatch, EventStream, Provider } from "../provider.ts";

/** A stream that is silent after its headers goes out after this long all the same. */
export const silenceMaxMs = 500;

/**
 * Holds a stream back until its first event is in, or for 500 ms: until then its failure is an ordinary one,
 * which may be retried or fall back. The first event itself is never delayed.
 */
export const withPointOfNoReturn = (inner: Provider): Provider => ({
  send: async (call) => {
    const reply = await inner.send(call);
    if (reply.kind === "whole") return reply;
    try {
      return { ...reply, events: await begun(reply.events) };
    } catch (failure) {
      noteUsage(call, reply.events.usage);
      throw failure;
    }
  },
});

async function begun(events: EventStream): Promise<EventStream> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<"silence">((resolve) => {
    timer = setTimeout(resolve, silenceMaxMs, "silence");
  });
  /** Comments may come before the first event, to keep the line warm. They wait for it, or for the end of this. */
  const held: SseEvent[] = [];
  try {
    for (;;) {
      const arrival = events.next();
      const batch = await Promise.race([arrival, silence]);
      if (batch === "silence") {
        // While it is on its way nobody waits for it; its failure is heard at its `next`.
        arrival.catch(() => undefined);
        const comments = { events: held, usage: undefined, isLast: false };
        const ahead = held.length === 0 ? [arrival] : [Promise.resolve(comments), arrival];
        return startingWith(ahead, events);
      }
      held.push(...batch.events);
      if (hasEvent(batch))
        return startingWith([Promise.resolve({ ...batch, events: held })], events);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** The stream from its beginning: what was read ahead comes first. */
function startingWith(ahead: Promise<EventBatch>[], events: EventStream): EventStream {
  return {
    next: () => ahead.shift() ?? events.next(),
    cancel: () => {
      events.cancel();
    },
  };
}

function hasEvent(batch: EventBatch): boolean {
  return batch.isLast || batch.events.some((event) => event.data !== undefined);
}
