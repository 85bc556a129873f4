import { pino } from "pino";
import type { Logger } from "pino";
import pretty from "pino-pretty";

import { scrubSecrets } from "./scrub-secrets.ts";

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

/** Longer ones are cut: a message says what happened in its first lines. */
const messageLengthMax = 4_096;
const stackLengthMax = 16_384;
/** Deeper causes are left out; an error may even be its own. */
const causesMax = 5;

/**
 * What may be said of an error. Messages are ours or the system's; a provider's words are not in them. What looks like a
 * credential is taken out, and what a parser quotes of what it could not read.
 */
export function describeError(error: unknown): object {
  return describe(error, causesMax);
}

function describe(error: unknown, causesLeft: number): object {
  if (!(error instanceof Error)) return { message: "something that is no error was thrown" };
  const code: unknown = Reflect.get(error, "code");
  const { cause } = error;
  const message = safeText(withoutQuotes(error), messageLengthMax);
  return {
    name: error.name,
    message,
    ...(typeof code === "string" ? { code } : {}),
    stack: safeStack(error, message),
    ...(cause === undefined || causesLeft === 0 ? {} : { cause: describe(cause, causesLeft - 1) }),
  };
}

/** `JSON.parse` shows the text that it was given: it may be somebody's prompt. */
function withoutQuotes({ name, message }: Error): string {
  return name === "SyntaxError" ? message.replace(/"[^]*"/, '"[text]"') : message;
}

/** It begins with the message, over as many lines as that has. */
function safeStack({ stack, message }: Error, safeMessage: string): string | undefined {
  if (stack === undefined) return undefined;
  const at = message === "" ? -1 : stack.indexOf(message);
  if (at === -1) return safeText(stack, stackLengthMax);
  const frames = safeText(stack.slice(at + message.length), stackLengthMax);
  return safeText(stack.slice(0, at), messageLengthMax) + safeMessage + frames;
}

function safeText(text: string, lengthMax: number): string {
  const scrubbed = scrubSecrets(text.slice(0, lengthMax));
  return text.length > lengthMax ? `${scrubbed}…` : scrubbed;
}
