import { Failure } from "../../errors.ts";
import { newId } from "../../lib/ids.ts";
import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import type { Usage } from "../../protocol/usage.ts";
import { chatUsage } from "../chat-usage.ts";
import type { WholeReply } from "../provider.ts";
import { parseJsonAnswer } from "../transport/parse-answer.ts";
import type { UpstreamIdentity } from "../upstream-failure.ts";
import { AnswerReader } from "./answer/answer-reader.ts";
import type { Ending, Piece } from "./answer/answer-reader.ts";
import { logprobsIn } from "./answer/logprobs.ts";
import type { ToolNames } from "./tool-names.ts";

export interface AnswerContext {
  /** As the client is told where Google does not say. */
  readonly model: string;
  readonly names: ToolNames;
  readonly upstream: UpstreamIdentity;
  /** What Google's header says of the tier, if it does. */
  readonly serviceTier?: unknown;
  /** Told of what was used before the answer is found to be one that can be passed on. */
  readonly noteUsage?: (usage: Usage | undefined) => void;
}

/** A whole answer as OpenAI's. Throws a `Failure` for an error, or an answer that is none. */
export function readWhole(
  bytes: Buffer,
  context: AnswerContext,
): Pick<WholeReply, "bytes" | "value" | "usage"> {
  const responses = parseAnswer(bytes, context.upstream);
  const reader = new AnswerReader(context);
  const pieces = responses.flatMap((response) => reader.read(response));
  context.noteUsage?.(reader.usage);
  const logprobs = logprobsIn(responses);
  const value: JsonObject = {
    id: reader.id ?? `chatcmpl-${newId()}`,
    object: "chat.completion",
    created: Math.floor(Date.now() / 1_000),
    model: reader.model ?? context.model,
    choices: reader.endings().map((ending) => choiceOf(ending, pieces, logprobs)),
    ...(reader.usage === undefined ? {} : { usage: chatUsage(reader.usage) }),
  };
  return { bytes: Buffer.from(JSON.stringify(value)), value, usage: reader.usage };
}

/** A list is what `streamGenerateContent` sends without `alt=sse`. */
export function parseAnswer(bytes: Buffer, upstream: UpstreamIdentity): JsonObject[] {
  const value = parseJsonAnswer(bytes, upstream.name);
  const responses = (Array.isArray(value) ? value : [value]).filter(isJsonObject);
  if (responses.length > 0) return responses;
  throw new Failure("upstream_error", `${upstream.name} sent an answer that is no JSON object.`);
}

function choiceOf(
  { index, reason }: Ending,
  pieces: readonly Piece[],
  logprobs: ReadonlyMap<number, JsonObject>,
): JsonObject {
  return {
    index,
    message: messageOf(pieces.filter((piece) => piece.index === index)),
    logprobs: logprobs.get(index) ?? null,
    finish_reason: reason,
  };
}

function messageOf(pieces: readonly Piece[]): JsonObject {
  let content = "";
  let reasoning = "";
  let fields: JsonObject = {};
  const calls: JsonObject[] = [];
  const media = { images: [] as JsonObject[], files: [] as JsonObject[] };
  for (const piece of pieces) {
    switch (piece.kind) {
      case "text":
        content += piece.text;
        break;
      case "reasoning":
        reasoning += piece.text;
        break;
      case "call": {
        const { id, name, arguments: json, extra } = piece.call;
        calls.push({ id, type: "function", function: { name, arguments: json }, ...extra });
        break;
      }
      case "media":
        media[piece.field].push(piece.item);
        break;
      case "fields":
        fields = { ...fields, ...piece.fields };
    }
  }
  const hasOther = calls.length > 0 || fields["refusal"] !== undefined;
  return {
    role: "assistant",
    content: content === "" && hasOther ? null : content,
    refusal: null,
    ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...(media.images.length === 0 ? {} : { images: media.images }),
    ...(media.files.length === 0 ? {} : { files: media.files }),
    ...fields,
  };
}
