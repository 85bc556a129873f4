import { Failure } from "../../errors.ts";
import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { readUsage } from "../../protocol/usage.ts";
import type { ProviderCall, WholeReply } from "../provider.ts";
import { withTextContent } from "./content-lists.ts";
import { failureFromBody, isError } from "./from-error.ts";
import type { UpstreamIdentity } from "../upstream-failure.ts";
import type { Quirks } from "./quirks.ts";
import { repairWhole } from "./tool-calls.ts";

/** A whole answer. Its bytes go on as they came, unless the vendor's differ from what OpenAI would send. */
export function readWhole(
  bytes: Buffer,
  call: ProviderCall,
  quirks: Quirks,
  upstream: UpstreamIdentity,
): Pick<WholeReply, "bytes" | "value" | "usage"> {
  const value = parseAnswer(bytes, upstream);
  const usage = readUsage(value["usage"]);
  const repaired = repair(value, call, quirks);
  if (repaired === value) return { bytes, value, usage };
  return { bytes: Buffer.from(JSON.stringify(repaired)), value: repaired, usage };
}

function parseAnswer(bytes: Buffer, upstream: UpstreamIdentity): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    const message = `${upstream.name} sent an answer that is not JSON.`;
    throw new Failure("upstream_error", message, { cause: error });
  }
  if (!isJsonObject(value)) {
    throw new Failure("upstream_error", `${upstream.name} sent an answer that is no JSON object.`);
  }
  if (isError(value) && value["choices"] === undefined && value["output"] === undefined) {
    throw failureFromBody(value, upstream);
  }
  return value;
}

function repair(value: JsonObject, call: ProviderCall, quirks: Quirks): JsonObject {
  if (call.endpoint === "embeddings") {
    return call.request.value["encoding_format"] === "base64" ? withBase64(value) : value;
  }
  if (quirks.answersAsOpenAi || call.endpoint !== "chat") return value;
  return repairWhole(withTextContent(value));
}

/**
 * OpenAI's SDKs ask for base64 without being told to and decode what comes; servers that ignore the field
 * answer with lists of numbers. Base64 is of 32-bit floats, little-endian.
 */
function withBase64(value: JsonObject): JsonObject {
  const data = value["data"];
  if (!Array.isArray(data)) return value;
  const isRight = data.every((item) => !isJsonObject(item) || !Array.isArray(item["embedding"]));
  if (isRight) return value;
  return {
    ...value,
    data: data.map((item: unknown) =>
      isJsonObject(item) && Array.isArray(item["embedding"])
        ? { ...item, embedding: toBase64(item["embedding"]) }
        : item,
    ),
  };
}

function toBase64(numbers: readonly unknown[]): string {
  const bytes = Buffer.allocUnsafe(numbers.length * 4);
  numbers.forEach((number, index) => bytes.writeFloatLE(Number(number), index * 4));
  return bytes.toString("base64");
}
