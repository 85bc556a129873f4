import { pino } from "pino";
import type { Logger } from "pino";
import pretty from "pino-pretty";

export type Log = Logger;

export interface OpenLog extends AsyncDisposable {
  readonly log: Log;
}

/** Lines are written together at least this often, so that a quiet gateway's log is not behind. */
const flushMs = 100;
/** So much is gathered before it is written, and at most so much is written at once. */
const gatheredBytes = 48 * 1024;
const writtenBytesMax = 64 * 1024;
/** What may wait for a reader that has stopped; at the bound lines are dropped, and requests go on. */
const waitingBytesMax = 16 * 1024 * 1024;

/**
 * JSON lines on standard output, or colours on a terminal. Lines are gathered and written together; what is
 * still held is written when the log is closed. Errors are shown by name, message and stack, never by their
 * other fields, which may hold a request.
 */
export function openLog(level: string): OpenLog {
  const options = {
    level,
    base: null,
    timestamp: isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
  };
  if (process.stdout.isTTY) {
    const log = pino(options, pretty({ colorize: true, singleLine: true, sync: true }));
    return { log, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const destination = pino.destination({
    dest: 1,
    sync: false,
    minLength: gatheredBytes,
    maxWrite: writtenBytesMax,
    maxLength: waitingBytesMax,
  });
  const timer = setInterval(() => {
    destination.flush();
  }, flushMs).unref();
  return {
    log: pino(options, destination),
    [Symbol.asyncDispose]: () => {
      clearInterval(timer);
      destination.flushSync();
      return Promise.resolve();
    },
  };
}

let secondEpochMs = -1;
let secondText = "";

/** `,"time":"2026-11-21T10:00:00.123Z"`. The date is put together once a second, not once a line. */
function isoTime(): string {
  const nowMs = Date.now();
  const milliseconds = nowMs % 1_000;
  if (nowMs - milliseconds !== secondEpochMs) {
    secondEpochMs = nowMs - milliseconds;
    secondText = new Date(secondEpochMs).toISOString().slice(0, "2026-11-21T10:00:00.".length);
  }
  return `,"time":"${secondText}${String(milliseconds).padStart(3, "0")}Z"`;
}

/** What may be said of an error. Messages are ours or the system's; a provider's words are not in them. */
export function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: "something that is no error was thrown" };
  const code: unknown = Reflect.get(error, "code");
  return {
    name: error.name,
    message: error.message,
    ...(typeof code === "string" ? { code } : {}),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}
