import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from "node:zlib";
import type { Transform } from "node:stream";

import { Failure } from "../../errors.ts";
import type { UpstreamBody } from "./upstream-call.ts";

const decoders = new Map<string, () => Transform>([
  ["gzip", createGunzip],
  ["x-gzip", createGunzip],
  ["deflate", createInflate],
  ["br", createBrotliDecompress],
  ["zstd", createZstdDecompress],
]);

/**
 * Undoes the compression that an upstream applied although it was asked not to. Each compressed chunk gives
 * what it holds at once, so that a stream stays a stream.
 */
export function decodeBody(
  body: UpstreamBody,
  encoding: string,
  upstreamName: string,
): UpstreamBody {
  const createDecoder = decoders.get(encoding.trim().toLowerCase());
  if (createDecoder === undefined) {
    body.cancel();
    throw new Failure("upstream_error", `${upstreamName} sent an unknown encoding (${encoding}).`);
  }
  const decoder = createDecoder();
  // `next` hears of it as well; but until it has been called once nobody would, and the process would end.
  decoder.on("error", () => undefined);
  const decoded = decoder[Symbol.asyncIterator]();
  const feeding = feed(body, decoder);
  feeding.catch(() => undefined); // The same goes for this: `next` waits for it at the end.

  const next = async (): Promise<Buffer | undefined> => {
    try {
      const result: IteratorResult<unknown> = await decoded.next();
      if (result.done !== true) return result.value as Buffer;
      await feeding;
      return undefined;
    } catch (error) {
      body.cancel();
      decoder.destroy();
      if (error instanceof Failure) throw error;
      const message = `${upstreamName} sent a body that is not ${encoding}.`;
      throw new Failure("upstream_error", message, { cause: error });
    }
  };
  return {
    next,
    cancel: () => {
      body.cancel();
      decoder.destroy();
    },
    drain: () => {
      body.drain();
      decoder.destroy();
    },
  };
}

/** Reads on only when the decoder has room, so that backpressure reaches the upstream. */
async function feed(body: UpstreamBody, decoder: Transform): Promise<void> {
  try {
    for (let part = await body.next(); part !== undefined; part = await body.next()) {
      await written(decoder, part);
      if (decoder.destroyed) return;
    }
    decoder.end();
  } catch (error) {
    // What was decoded by now can still be read; the failure comes after it.
    decoder.push(null);
    throw error;
  }
}

/** Resolves when all that this part holds has been decoded, or the decoder is gone. */
function written(decoder: Transform, part: Buffer): Promise<void> {
  return new Promise((resolve) => {
    decoder.write(part, () => {
      resolve();
    });
  });
}
