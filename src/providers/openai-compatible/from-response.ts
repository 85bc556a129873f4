import { Failure } from "../../errors.ts";
import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { embeddingBase64 } from "../../protocol/embedding-base64.ts";
import { readUsage } from "../../protocol/usage.ts";
import type { ProviderCall, WholeReply } from "../provider.ts";
import { parseJsonAnswer } from "../transport/parse-answer.ts";
import { failureFromBody, isError } from "./from-error.ts";
import type { UpstreamIdentity } from "../upstream-failure.ts";
import type { AnswerQuirks } from "./quirks.ts";
import { repairChoices } from "./repair-choices.ts";
import { repairWhole } from "./tool-calls.ts";
import { withOwnUsage } from "./vendor-usage.ts";

/** A whole answer. Its bytes go on as they came, unless the vendor's differ from what OpenAI would send. */
export function readWhole(
  bytes: Buffer,
  call: ProviderCall,
  quirks: AnswerQuirks,
  upstream: UpstreamIdentity,
): Pick<WholeReply, "bytes" | "value" | "usage"> {
  const value = parseAnswer(bytes, upstream);
  const repaired = repair(value, call, quirks, upstream);
  const usage = readUsage(repaired["usage"], repaired);
  if (repaired === value) return { bytes, value, usage };
  return { bytes: Buffer.from(JSON.stringify(repaired)), value: repaired, usage };
}

function parseAnswer(bytes: Buffer, upstream: UpstreamIdentity): JsonObject {
  const value = parseJsonAnswer(bytes, upstream.name);
  if (!isJsonObject(value)) {
    throw new Failure("upstream_error", `${upstream.name} sent an answer that is no JSON object.`);
  }
  if (isError(value) && value["choices"] === undefined && value["output"] === undefined) {
    throw failureFromBody(value, upstream);
  }
  return value;
}

function repair(
  value: JsonObject,
  call: ProviderCall,
  quirks: AnswerQuirks,
  upstream: UpstreamIdentity,
): JsonObject {
  if (call.endpoint === "embeddings") {
    return call.request.value["encoding_format"] === "base64" ? withBase64(value) : value;
  }
  const hasChoices = call.endpoint === "chat" || call.endpoint === "completions";
  if (quirks.areOpenAis || !hasChoices) return value;
  return withOwnUsage(repairWhole(repairChoices(value, quirks, upstream)), quirks);
}

/** Servers that ignore the field answer with lists of numbers. */
function withBase64(value: JsonObject): JsonObject {
  const data = value["data"];
  if (!Array.isArray(data)) return value;
  const isRight = data.every((item) => !isJsonObject(item) || !Array.isArray(item["embedding"]));
  if (isRight) return value;
  return {
    ...value,
    data: data.map((item: unknown) =>
      isJsonObject(item) && Array.isArray(item["embedding"])
        ? { ...item, embedding: embeddingBase64(item["embedding"]) }
        : item,
    ),
  };
}
