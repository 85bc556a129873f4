import { connect, type Socket } from "node:net";
import { chatPath } from "./chat-requests.ts";
import { gatewayKey } from "./gateway-environment.ts";

/** How one answer arrived at a driver. Times count from the moment it was asked for. */
export type TimedAnswer =
  | {
      readonly kind: "answered";
      /** Until the first byte of the body. */
      readonly firstDataMs: number;
      readonly totalMs: number;
      readonly readCount: number;
      /** The last reads, to see whether a stream came to its end. */
      readonly ending: readonly Buffer[];
    }
  | { readonly kind: "failed" };

const silenceMaxMs = 10_000;
const headEnd = "\r\n\r\n";
const lastChunk = Buffer.from("0\r\n\r\n");
const endingReads = 3;

/**
 * A keep-alive connection that asks one thing at a time, on a bare socket: drivers share a core with
 * the mock provider, and a full HTTP client there would leave the target waiting for work. It reads
 * only as much of HTTP/1.1 as it must to see where an answer ends.
 */
export class DriverConnection implements Disposable {
  readonly #origin: URL;
  #socket: Socket | undefined;
  #answer: RunningAnswer | undefined;

  constructor(origin: string) {
    this.#origin = new URL(origin);
  }

  /** Asks once and takes the times. Never rejects: a failure is one of the answers. */
  ask(body: string): Promise<TimedAnswer> {
    return new Promise((resolve) => {
      this.#answer = new RunningAnswer(resolve);
      const socket = this.#openSocket();
      socket.write(requestHead(this.#origin.host, body) + body, "latin1");
    });
  }

  [Symbol.dispose](): void {
    this.#socket?.destroy();
  }

  #openSocket(): Socket {
    if (this.#socket?.writable === true) return this.#socket;
    const socket = connect(Number(this.#origin.port), this.#origin.hostname);
    socket.setNoDelay(true);
    socket.setTimeout(silenceMaxMs, () => socket.destroy());
    socket.on("data", (bytes: Buffer) => this.#answer?.read(bytes));
    // The close that follows an error ends the answer.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (this.#socket === socket) this.#answer?.fail();
    });
    this.#socket = socket;
    return socket;
  }
}

/** Bodies are ASCII, so that their length in characters is their length in bytes. */
function requestHead(host: string, body: string): string {
  return `POST ${chatPath} HTTP/1.1\r\nhost: ${host}\r\nauthorization: Bearer ${gatewayKey}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
}

/** Finds the end of one answer in what a socket brings. */
class RunningAnswer {
  readonly #startMs = performance.now();
  readonly #ending: Buffer[] = [];
  #resolve: ((answer: TimedAnswer) => void) | undefined;
  #head: Buffer = Buffer.alloc(0);
  #isHeadRead = false;
  #isOk = false;
  /** Undefined for a chunked body. */
  #bytesLeft: number | undefined;
  #firstDataMs = 0;
  #readCount = 0;

  constructor(resolve: (answer: TimedAnswer) => void) {
    this.#resolve = resolve;
  }

  read(bytes: Buffer): void {
    const body = this.#isHeadRead ? bytes : this.#afterHead(bytes);
    if (body === undefined || body.length === 0) return;
    if (this.#readCount === 0) this.#firstDataMs = performance.now() - this.#startMs;
    this.#readCount += 1;
    this.#ending.push(body);
    if (this.#ending.length > endingReads) this.#ending.shift();
    if (this.#bytesLeft !== undefined) this.#bytesLeft -= body.length;
    if (this.#isComplete(body)) this.#finish();
  }

  fail(): void {
    this.#resolve?.({ kind: "failed" });
    this.#resolve = undefined;
  }

  /** The part of the body that came with the end of the head; undefined before that end. */
  #afterHead(bytes: Buffer): Buffer | undefined {
    this.#head = this.#head.length === 0 ? bytes : Buffer.concat([this.#head, bytes]);
    const end = this.#head.indexOf(headEnd);
    if (end === -1) return undefined;
    const head = this.#head.toString("latin1", 0, end);
    this.#isHeadRead = true;
    this.#isOk = head.startsWith("HTTP/1.1 200");
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    this.#bytesLeft = length === undefined ? undefined : Number(length);
    return this.#head.subarray(end + headEnd.length);
  }

  #isComplete(body: Buffer): boolean {
    if (this.#bytesLeft !== undefined) return this.#bytesLeft <= 0;
    if (body.length >= lastChunk.length) return body.subarray(-lastChunk.length).equals(lastChunk);
    return Buffer.concat(this.#ending).subarray(-lastChunk.length).equals(lastChunk);
  }

  #finish(): void {
    if (!this.#isOk) {
      this.fail();
      return;
    }
    this.#resolve?.({
      kind: "answered",
      firstDataMs: this.#firstDataMs,
      totalMs: performance.now() - this.#startMs,
      readCount: this.#readCount,
      ending: this.#ending,
    });
    this.#resolve = undefined;
  }
}
