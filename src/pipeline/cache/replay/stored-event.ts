import { SseReader } from "../../../protocol/sse.ts";
import type { SseEvent } from "../../../protocol/sse.ts";

/** An event as it was stored. It is read when somebody wants to know what it says: most go out without. */
export class StoredEvent implements SseEvent {
  readonly raw: Buffer;
  #read: SseEvent | undefined;

  constructor(bytes: Uint8Array) {
    this.raw = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get name(): string {
    return this.#event.name;
  }

  get data(): string | undefined {
    return this.#event.data;
  }

  get #event(): SseEvent {
    return (this.#read ??= new SseReader().push(this.raw)[0] ?? noEvent);
  }
}

const noEvent: SseEvent = { raw: Buffer.alloc(0), name: "", data: undefined };
