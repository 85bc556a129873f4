import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

interface Visit {
  /** Those to requests on this connection that are not over. */
  readonly answers: Set<ServerResponse>;
  /** What had been read of it when it was last looked at. */
  bytesRead: number;
  /** Since when nothing was said on it, as far as that is known. */
  quietSinceMs: number;
}

export interface Patience {
  /** So long a connection may be silent before it is closed. */
  readonly idleMs: number;
  /** By the clock of `performance`. */
  readonly untilMs: number;
}

/**
 * The connections of one listener: what shutting down waits for. A client may be about to ask on a connection that
 * seems idle to us, so while Sentinel drains such a one stays open for a moment, and its next answer says that it
 * closes: the only way in HTTP/1.1 to part without a request lost.
 */
export class OpenConnections {
  readonly #visits = new Map<Socket, Visit>();
  #isDraining = false;
  #onNone: (() => void) | undefined;

  constructor(server: Server) {
    server.on("connection", (socket) => {
      this.#visits.set(socket, newVisit());
      socket.once("close", () => {
        this.#visits.delete(socket);
        if (this.#visits.size === 0) this.#onNone?.();
      });
    });
    const begin = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
      this.#begin(incoming.socket, outgoing);
    };
    // In each way in which Node hands over a request.
    for (const event of ["request", "checkContinue", "checkExpectation"] as const) {
      server.prependListener(event, begin);
    }
  }

  /** From now on no connection is kept for another request, as far as its client can still be told. */
  startDraining(): void {
    this.#isDraining = true;
    const nowMs = performance.now();
    for (const visit of this.#visits.values()) {
      visit.quietSinceMs = nowMs;
      for (const answer of visit.answers) answer.shouldKeepAlive = false;
    }
  }

  /** Closes each connection as it falls silent. Resolves to whether all were gone in time. */
  async closeSilent({ idleMs, untilMs }: Patience): Promise<boolean> {
    while (this.#visits.size > 0) {
      // After a turn of the event loop all that has arrived by now has been read.
      await new Promise((resolve) => setImmediate(resolve));
      const nowMs = performance.now();
      for (const [socket, visit] of this.#visits) {
        if (isSilent(socket, visit, { nowMs, idleMs })) socket.destroy();
      }
      if (nowMs >= untilMs) return this.#visits.size === 0;
      const nextLookMs = Math.max(idleMs / looksPerIdle, lookEveryMsMin);
      await this.#none(Math.min(nextLookMs, untilMs - nowMs));
    }
    return true;
  }

  #begin(socket: Socket, outgoing: ServerResponse): void {
    const visit = this.#visits.get(socket);
    if (visit === undefined) return;
    visit.answers.add(outgoing);
    if (this.#isDraining) outgoing.shouldKeepAlive = false;
    outgoing.once("close", () => {
      visit.answers.delete(outgoing);
      visit.bytesRead = socket.bytesRead;
      visit.quietSinceMs = performance.now();
    });
  }

  /** Resolves when no connection is open any more, or after so long. */
  #none(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#onNone = undefined;
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      this.#onNone = done;
      if (this.#visits.size === 0) done();
    });
  }
}

const looksPerIdle = 10;
const lookEveryMsMin = 5;

const newVisit = (): Visit => ({
  answers: new Set(),
  bytesRead: 0,
  quietSinceMs: performance.now(),
});

interface Moment {
  readonly nowMs: number;
  readonly idleMs: number;
}

/** Not while an answer runs, and not while a request's headers come in with no longer pauses than that. */
function isSilent(socket: Socket, visit: Visit, { nowMs, idleMs }: Moment): boolean {
  if (visit.answers.size > 0) return false;
  if (socket.bytesRead === visit.bytesRead) return nowMs - visit.quietSinceMs >= idleMs;
  visit.bytesRead = socket.bytesRead;
  visit.quietSinceMs = nowMs;
  return false;
}
