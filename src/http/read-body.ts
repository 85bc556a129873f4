import type { IncomingMessage } from "node:http";
import { isUtf8 } from "node:buffer";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, zstdDecompress } from "node:zlib";

import { Failure } from "../errors.ts";
import { readJsonObject } from "../lib/json-text.ts";
import type { JsonText } from "../lib/json-text.ts";

export interface BodyLimits {
  readonly bodyBytesMax: number;
  readonly jsonDepthMax: number;
  readonly bodyMs: number;
}

/**
 * Reads a request's body, counting while it arrives. Throws `unsupported_media_type`, `body_too_large`,
 * `request_timeout`, or `client_closed_request` if the client left in the middle.
 */
export async function readBody(incoming: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  checkMediaType(incoming.headers["content-type"]);
  const decode = decoderOf(incoming.headers["content-encoding"]);
  if (Number(incoming.headers["content-length"] ?? 0) > limits.bodyBytesMax) throw tooLarge(limits);
  const bytes = await collect(incoming, limits);
  return decode === undefined ? bytes : decompress(bytes, decode, limits);
}

export interface ParsedBody {
  readonly request: JsonText;
  /** `request.text` as bytes: those that came, wherever they can be sent on as they are. */
  readonly bytes: Buffer;
}

/** The body as a JSON object. Throws `invalid_json` with what is wrong and where. */
export function parseBody(bytes: Buffer, limits: BodyLimits): ParsedBody {
  if (bytes.length === 0) {
    throw new Failure("invalid_json", "The request has no body. Send a JSON object.");
  }
  if (!isUtf8(bytes)) throw new Failure("invalid_json", "The request body is not valid UTF-8.");
  const text = bytes.toString("utf8");
  const json = readJsonObject(text, limits.jsonDepthMax);
  if (!("problem" in json)) {
    return { request: json, bytes: json.text === text ? bytes : Buffer.from(json.text) };
  }
  switch (json.problem) {
    case "too_deep":
      throw new Failure(
        "invalid_json",
        `The request body nests deeper than ${limits.jsonDepthMax} levels, the limit here.`,
      );
    case "not_an_object":
      throw new Failure("invalid_value", "The request body must be a JSON object.", {
        code: "invalid_type",
      });
    case "malformed": {
      const where = json.position === undefined ? "" : ` (at position ${json.position})`;
      throw new Failure("invalid_json", `The request body is not valid JSON${where}.`);
    }
  }
}

function checkMediaType(contentType: string | undefined): void {
  if (contentType === undefined) return;
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "application/json" || type.endsWith("+json")) return;
  throw new Failure(
    "unsupported_media_type",
    `The content type '${type}' is not supported. Send 'content-type: application/json'.`,
  );
}

type Decode = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const decoders = new Map<string, Decode | undefined>([
  ["", undefined],
  ["identity", undefined],
  ["gzip", promisify(gunzip)],
  ["x-gzip", promisify(gunzip)],
  ["deflate", promisify(inflate)],
  ["br", promisify(brotliDecompress)],
  ["zstd", promisify(zstdDecompress)],
]);

/** Undefined where there is nothing to decode. */
function decoderOf(contentEncoding = ""): Decode | undefined {
  const encoding = contentEncoding.toLowerCase();
  if (decoders.has(encoding)) return decoders.get(encoding);
  throw new Failure(
    "unsupported_media_type",
    "The content encoding is not supported. Send gzip, deflate, br, zstd or none.",
    { headers: { "accept-encoding": "gzip, deflate, br, zstd" } },
  );
}

async function decompress(bytes: Buffer, decode: Decode, limits: BodyLimits): Promise<Buffer> {
  try {
    return await decode(bytes, { maxOutputLength: limits.bodyBytesMax });
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(limits);
    const message = "The request body is not what its content-encoding says.";
    throw new Failure("invalid_json", message, { cause: error });
  }
}

function collect(incoming: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    const stop = (failure: Failure): void => {
      incoming.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
      reject(failure);
    };
    const onData = (part: Buffer): void => {
      bytes += part.length;
      if (bytes > limits.bodyBytesMax) stop(tooLarge(limits));
      else parts.push(part);
    };
    const onEnd = (): void => {
      incoming.off("close", onClose).off("error", onClose);
      const [first] = parts;
      resolve(parts.length === 1 && first !== undefined ? first : Buffer.concat(parts, bytes));
    };
    const onClose = (): void => {
      const isOverdue = performance.now() - startedMs >= limits.bodyMs;
      stop(
        isOverdue
          ? new Failure("request_timeout", `The body did not arrive within ${limits.bodyMs} ms.`)
          : new Failure("client_closed_request", "The client left before its request was whole."),
      );
    };
    incoming.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}

function tooLarge(limits: BodyLimits): Failure {
  return new Failure(
    "body_too_large",
    `The request body is larger than ${limits.bodyBytesMax} bytes, the limit here (SENTINEL_MAX_BODY_BYTES).`,
  );
}
