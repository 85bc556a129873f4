import { Failure } from "../../../errors.ts";
import { newId } from "../../../lib/ids.ts";
import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import type { Usage } from "../../../protocol/usage.ts";
import type { UpstreamIdentity } from "../../upstream-failure.ts";
import { finishReasonOf } from "./finish-reasons.ts";
import { failureWithin } from "../from-error.ts";
import { extraContent } from "../thought-signatures.ts";
import type { ToolNames } from "../tool-names.ts";
import { readUsageMetadata } from "./usage-metadata.ts";

/** What an answer says, piece by piece; `index` is the choice that it belongs to. */
export type Piece =
  | { readonly kind: "text"; readonly index: number; readonly text: string }
  | { readonly kind: "reasoning"; readonly index: number; readonly text: string }
  | { readonly kind: "call"; readonly index: number; readonly call: ToolCall }
  | {
      readonly kind: "media";
      readonly index: number;
      readonly field: "images" | "files";
      readonly item: JsonObject;
    }
  | { readonly kind: "fields"; readonly index: number; readonly fields: JsonObject };

export interface ToolCall {
  /** From 0, over the whole choice. */
  readonly index: number;
  readonly id: string;
  readonly name: string;
  /** JSON. */
  readonly arguments: string;
  /** `extra_content`, where the call is signed. */
  readonly extra: JsonObject;
}

export interface Ending {
  readonly index: number;
  readonly reason: string;
}

/** What is kept of one candidate while its answer comes. */
interface Candidate {
  readonly index: number;
  readonly ids: Set<string>;
  callCount: number;
  finish: string | undefined;
  mediaCount: number;
}

export interface AnswerReaderOptions {
  readonly names: ToolNames;
  readonly upstream: UpstreamIdentity;
  /** What Google's header says of the tier, if it does. */
  readonly serviceTier?: unknown;
}

/** No model takes more (`candidateCount`). */
const candidatesMax = 128;

/**
 * Reads `GenerateContentResponse`s: the one of a whole answer, or the many of a stream. Both come out the
 * same. Runs once per event of a stream; budget 5 µs.
 */
export class AnswerReader {
  readonly #names: ToolNames;
  readonly #upstream: UpstreamIdentity;
  readonly #serviceTier: unknown;
  readonly #candidates = new Map<number, Candidate>();
  /** Whether Google refused the prompt itself. */
  #isBlocked = false;
  usage: Usage | undefined;
  id: string | undefined;
  model: string | undefined;

  constructor({ names, upstream, serviceTier }: AnswerReaderOptions) {
    this.#names = names;
    this.#upstream = upstream;
    this.#serviceTier = serviceTier;
  }

  /** Throws the `Failure` that came in place of an answer. */
  read(response: JsonObject): Piece[] {
    const failure = failureWithin(response, this.#upstream);
    if (failure !== undefined) throw failure;
    this.usage = readUsageMetadata(response["usageMetadata"], this.#serviceTier) ?? this.usage;
    this.id ??= textIn(response, "responseId");
    this.model ??= textIn(response, "modelVersion");
    const pieces: Piece[] = [];
    const feedback = response["promptFeedback"];
    const block = isJsonObject(feedback) ? textIn(feedback, "blockReason") : undefined;
    if (block !== undefined && !this.#isBlocked) {
      this.#isBlocked = true;
      pieces.push({ kind: "fields", index: 0, fields: { refusal: refusalText(block) } });
    }
    const { candidates } = response;
    if (!Array.isArray(candidates)) return pieces;
    for (const given of candidates) if (isJsonObject(given)) this.#readCandidate(given, pieces);
    return pieces;
  }

  /**
   * How each choice ended. Throws a `Failure` where one has not: the answer was cut, or the model's tool call
   * is none that anyone could carry out.
   */
  endings(): Ending[] {
    if (this.#isBlocked) return [{ index: 0, reason: "content_filter" }];
    const endings = [...this.#candidates.values()].map((candidate) => this.#endingOf(candidate));
    if (endings.length === 0) throw this.#failed("sent an empty answer");
    return endings;
  }

  #endingOf({ index, finish, callCount }: Candidate): Ending {
    if (finish === undefined) throw this.#failed("ended in the middle of its answer");
    const reason = finishReasonOf(finish, callCount > 0);
    if (reason === undefined) throw this.#gaveUp(finish);
    return { index, reason };
  }

  #failed(what: string): Failure {
    return new Failure("upstream_error", `${this.#upstream.name} ${what}.`);
  }

  /** Not counted against the target: what one client asks for may bring it about again and again. */
  #gaveUp(finish: string): Failure {
    const code = finish.toLowerCase();
    const message = `The model of ${this.#upstream.name} gave up on its answer (${finish}).`;
    const body = { message, type: "api_error", param: null, code };
    return new Failure("provider_rejected", message, {
      upstream: { status: 502, body },
      recovery: "retry",
    });
  }

  #readCandidate(given: JsonObject, pieces: Piece[]): void {
    const candidate = this.#candidate(given["index"]);
    const { index } = candidate;
    const content = given["content"];
    const parts = isJsonObject(content) ? content["parts"] : undefined;
    if (Array.isArray(parts)) {
      for (const part of parts) if (isJsonObject(part)) this.#readPart(part, candidate, pieces);
    }
    const fields = sourcesOf(given);
    if (fields !== undefined) pieces.push({ kind: "fields", index, fields });
    const finish = textIn(given, "finishReason");
    if (finish !== undefined && finish !== "FINISH_REASON_UNSPECIFIED") candidate.finish = finish;
  }

  #candidate(given: unknown): Candidate {
    const index = typeof given === "number" && Number.isInteger(given) && given >= 0 ? given : 0;
    const known = this.#candidates.get(index);
    if (known !== undefined) return known;
    if (this.#candidates.size >= candidatesMax) throw this.#failed("sent answers without end");
    const made = { index, ids: new Set<string>(), callCount: 0, finish: undefined, mediaCount: 0 };
    this.#candidates.set(index, made);
    return made;
  }

  #readPart(part: JsonObject, candidate: Candidate, pieces: Piece[]): void {
    const { index } = candidate;
    const signature = textIn(part, "thoughtSignature");
    const call = part["functionCall"];
    if (isJsonObject(call) && typeof call["name"] === "string") {
      pieces.push({
        kind: "call",
        index,
        call: this.#callOf(call, call["name"], candidate, signature),
      });
      return;
    }
    const { inlineData } = part;
    if (isJsonObject(inlineData)) {
      pieces.push(mediaOf(inlineData, candidate, signature));
      return;
    }
    const text = textOf(part);
    if (text !== "")
      pieces.push({ kind: part["thought"] === true ? "reasoning" : "text", index, text });
    if (signature !== undefined)
      pieces.push({ kind: "fields", index, fields: extraContent(signature) });
  }

  /** Gemini gives ids to its calls or does not, depending on the model. */
  #callOf(
    call: JsonObject,
    name: string,
    candidate: Candidate,
    signature: string | undefined,
  ): ToolCall {
    const given = textIn(call, "id");
    const id = given !== undefined && !candidate.ids.has(given) ? given : `call_${newId()}`;
    candidate.ids.add(id);
    return {
      index: candidate.callCount++,
      id,
      name: this.#names.toClient(name),
      arguments: JSON.stringify(isJsonObject(call["args"]) ? call["args"] : {}),
      extra: signature === undefined ? {} : extraContent(signature),
    };
  }
}

/** Code that Google ran on the model's behalf goes into the text, as its own apps show it. */
function textOf(part: JsonObject): string {
  if (typeof part["text"] === "string") return part["text"];
  const code = part["executableCode"];
  if (isJsonObject(code)) {
    const language = (textIn(code, "language") ?? "").toLowerCase();
    return `\n\`\`\`${language}\n${textIn(code, "code") ?? ""}\n\`\`\`\n`;
  }
  const result = part["codeExecutionResult"];
  if (isJsonObject(result)) return `\n\`\`\`\n${textIn(result, "output") ?? ""}\n\`\`\`\n`;
  return "";
}

/** Images where other gateways have them too: OpenAI's format has no place for them. */
function mediaOf(
  inlineData: JsonObject,
  candidate: Candidate,
  signature: string | undefined,
): Piece {
  const mimeType = textIn(inlineData, "mimeType") ?? "application/octet-stream";
  const url = `data:${mimeType};base64,${textIn(inlineData, "data") ?? ""}`;
  const extra = signature === undefined ? {} : extraContent(signature);
  const { index } = candidate;
  const place = { index: candidate.mediaCount++ };
  if (!mimeType.startsWith("image/")) {
    const item = { type: "file", ...place, file: { file_data: url }, ...extra };
    return { kind: "media", index, field: "files", item };
  }
  const item = { type: "image_url", ...place, image_url: { url }, ...extra };
  return { kind: "media", index, field: "images", item };
}

const sourceNames = [
  ["groundingMetadata", "grounding_metadata"],
  ["urlContextMetadata", "url_context_metadata"],
  ["citationMetadata", "citation_metadata"],
] as const;

/** Where an answer has its facts from: fields that OpenAI does not have, kept under names like its own. */
function sourcesOf(candidate: JsonObject): JsonObject | undefined {
  const found = sourceNames.filter(([theirs]) => isJsonObject(candidate[theirs]));
  if (found.length === 0) return undefined;
  return Object.fromEntries(found.map(([theirs, ours]) => [ours, candidate[theirs]]));
}

function refusalText(block: string): string {
  return `Google blocked the prompt (${block.slice(0, 50)}).`;
}

/** Undefined for an empty text too. */
function textIn(object: JsonObject, name: string): string | undefined {
  const value = object[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}
