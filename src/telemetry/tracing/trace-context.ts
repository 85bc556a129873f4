import { Buffer } from "node:buffer";
import { randomFillSync } from "node:crypto";

/** Which trace a request belongs to. Made when it comes in, whether anything of it is exported or not. */
export interface TraceContext {
  /** 32 hexadecimal digits: the client's, or ours where the client has none. */
  readonly traceId: string;
  /** Of Sentinel's own span, 16 hexadecimal digits; undefined where tracing is off. */
  readonly spanId: string | undefined;
  /** The client's span. */
  readonly parentSpanId: string | undefined;
  /** Whether its spans are exported. Where tracing is off: what the client says. */
  readonly isSampled: boolean;
  /** The client says that its trace id is random, which others may rely on. */
  readonly isRandom: boolean;
  /** The client's `tracestate`, as it came. */
  readonly tracestate: string | undefined;
  /** A call of Sentinel's own, which no client has sent. */
  readonly isInternal?: true;
}

/** A trace whose spans are exported. */
export type ExportedTrace = TraceContext & { readonly spanId: string };

export const isTraced = (trace: TraceContext | undefined): trace is ExportedTrace =>
  trace !== undefined && trace.isSampled && trace.spanId !== undefined;

/** Of a request, names in lower case: `traceparent` and `tracestate` say which trace it belongs to. */
export type TraceHeaders = Readonly<Record<string, Header>>;

type Header = string | readonly string[] | undefined;

/** A client's `traceparent`, read. */
export interface RemoteParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
  readonly isRandom: boolean;
}

const sampledFlag = 1;
const randomFlag = 2;
const noTraceId = "0".repeat(32);
const noSpanId = "0".repeat(16);
const partsPattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/**
 * Strictly by the recommendation: lower case, no zero ids, not version `ff`, and nothing after the flags in version `00`.
 * Later versions are read as far as this one goes. Undefined for what is none: then the trace begins here.
 * (https://www.w3.org/TR/trace-context/, read 2026-11-21)
 */
export function readTraceparent(header: Header): RemoteParent | undefined {
  if (typeof header !== "string") return undefined;
  const [, version, traceId, spanId, flagsText = "", rest] = partsPattern.exec(header) ?? [];
  if (traceId === undefined || spanId === undefined || version === "ff") return undefined;
  if (version === "00" && rest !== undefined) return undefined;
  if (traceId === noTraceId || spanId === noSpanId) return undefined;
  const flags = Number.parseInt(flagsText, 16);
  return {
    traceId,
    spanId,
    isSampled: (flags & sampledFlag) !== 0,
    isRandom: (flags & randomFlag) !== 0,
  };
}

/** The recommendation has 512 characters passed on at least; nobody needs many more. */
const tracestateLengthMax = 1_024;

/** As it came, for whoever comes next in the trace: Sentinel adds nothing to it. What is too long or unprintable is dropped. */
export function readTracestate(header: Header): string | undefined {
  if (header === undefined || header === "") return undefined;
  const text = String(header);
  if (text.length > tracestateLengthMax) return undefined;
  return /^[\t\x20-\x7e]+$/.test(text) ? text : undefined;
}

/** What goes upstream, so that what happens there hangs below the span with this id. */
export function writeTraceparent(
  { traceId, isSampled, isRandom }: TraceContext,
  spanId: string,
): string {
  const flags = (isSampled ? sampledFlag : 0) | (isRandom ? randomFlag : 0);
  return `00-${traceId}-${spanId}-0${flags}`;
}

export const newTraceId = (): string => randomHex(16);
export const newSpanId = (): string => randomHex(8);

/** From the system's randomness, fetched for hundreds of ids at a time. An id costs 0.1 µs. */
const pool = Buffer.alloc(8_192);
let next = pool.length;

function randomHex(bytes: number): string {
  if (next + bytes > pool.length) {
    randomFillSync(pool);
    next = 0;
  }
  const start = next;
  next += bytes;
  const hex = pool.toString("hex", start, next);
  // One in 2^64, and yet not allowed.
  return noTraceId.startsWith(hex) ? randomHex(bytes) : hex;
}
