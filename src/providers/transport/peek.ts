import type { EventBatch, EventStream } from "../provider.ts";
import { readAll } from "./read-all.ts";
import type { UpstreamBody } from "./upstream-call.ts";

/** The first character of JSON, or of a page that a proxy put in its place. No line of a stream begins so. */
const beginsWhole = /[[{<]/;

/** A body whose beginning has been looked at, and that can still be read from there. */
export interface Peeked {
  readonly isStream: boolean;
  readonly body: UpstreamBody;
}

/** Whether a stream came. Its first character tells, because servers mislabel streams and whole answers alike. */
export async function peek(body: UpstreamBody): Promise<Peeked> {
  const seen: Buffer[] = [];
  let first = "";
  while (first === "") {
    const part = await body.next();
    if (part === undefined) break;
    seen.push(part);
    first = part.toString("latin1").trimStart().slice(0, 1);
  }
  const replayed: UpstreamBody = {
    next: () => {
      return seen.length === 0 ? body.next() : Promise.resolve(seen.shift());
    },
    cancel: () => {
      body.cancel();
    },
    drain: () => {
      body.drain();
    },
  };
  return { isStream: !beginsWhole.test(first), body: replayed };
}

/** How an answer that was asked for as a stream is read, whichever form it came in. */
export interface AnswerForms {
  readonly events: (body: UpstreamBody) => EventStream;
  readonly whole: (bytes: Buffer) => EventStream;
  readonly wholeBytesMax: number;
  readonly upstreamName: string;
}

/**
 * The events of an answer whose form shows with its first bytes: nobody waits for these before `next`. After
 * them nothing stands between the stream and its reader.
 */
export function eventsOf(body: UpstreamBody, forms: AnswerForms): EventStream {
  const open = async (): Promise<EventStream> => {
    const peeked = await peek(body);
    if (peeked.isStream) return forms.events(peeked.body);
    return forms.whole(await readAll(peeked.body, forms.wholeBytesMax, forms.upstreamName));
  };
  let opened: EventStream | undefined;
  const first = async (): Promise<EventBatch> => {
    opened = await open();
    return opened.next();
  };
  return {
    get usage() {
      return opened?.usage;
    },
    next: () => (opened === undefined ? first() : opened.next()),
    cancel: () => {
      body.cancel();
    },
  };
}
