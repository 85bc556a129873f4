import type { ServerResponse } from "node:http";

import { toFailure } from "../errors.ts";
import { endpoints } from "../protocol/endpoints.ts";
import type { Endpoint } from "../protocol/endpoints.ts";
import type { EventBatch, EventStream } from "../providers/provider.ts";
import { failureBody } from "./failure-response.ts";

/** Writes a whole answer, in one piece, as the bytes that it is. */
export function sendWhole(outgoing: ServerResponse, headers: string[], bytes: Buffer): void {
  headers.push("content-type", "application/json", "content-length", String(bytes.length));
  outgoing.writeHead(200, headers);
  outgoing.end(bytes);
}

const doneMarker = Buffer.from("data: [DONE]\n\n");

/**
 * Writes a stream to the socket as it comes: one write for the events that arrived together, and no further
 * read until the client has taken them. Runs once per stream; its loop once per batch, budget 3 µs.
 *
 * A stream that breaks ends with an error event and a cut connection, never with `[DONE]` or a clean close.
 */
export async function sendEvents(
  outgoing: ServerResponse,
  headers: string[],
  events: EventStream,
  { endpoint, requestId }: { readonly endpoint: Endpoint; readonly requestId: string },
): Promise<void> {
  headers.push("content-type", "text/event-stream; charset=utf-8");
  headers.push("cache-control", "no-cache", "x-accel-buffering", "no");
  outgoing.writeHead(200, headers);
  // An upstream that is silent after its own headers must not hold back ours.
  const silence = setImmediate(() => {
    outgoing.flushHeaders();
  });
  const isMarked = endpoints[endpoint].streamEnd === "done-marker";
  try {
    for (;;) {
      const batch = await events.next();
      clearImmediate(silence);
      const bytes = bytesOf(batch, isMarked);
      if (batch.isLast) {
        outgoing.end(bytes);
        return;
      }
      if (!outgoing.write(bytes)) await drained(outgoing);
    }
  } catch (thrown) {
    clearImmediate(silence);
    const dialect = endpoint === "messages" ? "anthropic" : "openai";
    const said = failureBody(toFailure(thrown), { dialect, requestId });
    breakOff(outgoing, `${isMarked ? "" : "event: error\n"}data: ${said}\n\n`);
  }
}

function bytesOf(batch: EventBatch, isMarked: boolean): Buffer {
  const [first] = batch.events;
  const endsNow = batch.isLast && isMarked;
  if (batch.events.length === 1 && first !== undefined && !endsNow) return first.raw;
  const parts = batch.events.map((event) => event.raw);
  if (endsNow) parts.push(doneMarker);
  return Buffer.concat(parts);
}

/** A client that takes nothing for this long is given up, so that it does not hold its place for good. */
const clientIdleMs = 300_000;

/** Resolves when the client has caught up, or is gone. */
function drained(outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => outgoing.destroy(), clientIdleMs);
    const done = (): void => {
      clearTimeout(timer);
      outgoing.off("drain", done).off("close", done);
      resolve();
    };
    outgoing.on("drain", done).on("close", done);
  });
}

/** A client that stopped reading would keep its last words from leaving; this is how long they may take. */
const lastWordsMs = 1_000;

function breakOff(outgoing: ServerResponse, errorEvent: string): void {
  if (outgoing.destroyed) return;
  const timer = setTimeout(() => outgoing.destroy(), lastWordsMs);
  outgoing.write(errorEvent, () => {
    clearTimeout(timer);
    outgoing.destroy();
  });
}
