import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { cleanAnswerSchema } from "./clean-schema.ts";
import type { NativeFields } from "./native-fields.ts";
import { fault } from "./request-fault.ts";
import { thinkingFor } from "./thinking.ts";

/** Fields that mean the same in both and differ in name only. */
const renamed: Readonly<Record<string, string>> = {
  temperature: "temperature",
  top_p: "topP",
  n: "candidateCount",
  presence_penalty: "presencePenalty",
  frequency_penalty: "frequencyPenalty",
  seed: "seed",
};

export interface GenerationConfig {
  readonly config: JsonObject;
  /** The fields of the request that went into it, or were seen to say nothing. */
  readonly used: readonly string[];
}

/**
 * OpenAI's sampling fields as Gemini's `generationConfig`. Throws `invalid_value` for what Gemini has not and
 * what the client would miss.
 * (https://ai.google.dev/api/generate-content#v1beta.GenerationConfig, read 2026-11-21)
 */
export function generationConfigOf(
  request: JsonObject,
  model: string,
  native: NativeFields,
): GenerationConfig {
  const same = Object.entries(renamed).filter(([name]) => saysSomething(name, request[name]));
  const tokensMax = request["max_completion_tokens"] ?? request["max_tokens"];
  const thinking = thinkingConfigOf(request, model, native);
  return {
    config: {
      ...Object.fromEntries(same.map(([name, theirs]) => [theirs, request[name]])),
      ...(tokensMax == null ? {} : { maxOutputTokens: tokensMax }),
      ...stopSequencesOf(request["stop"]),
      ...logprobsOf(request),
      ...formatOf(request["response_format"]),
      ...modalitiesOf(request["modalities"]),
      ...native.generationConfig,
      ...(thinking === undefined ? {} : { thinkingConfig: thinking }),
    },
    used: [
      ...Object.keys(renamed),
      ...["max_completion_tokens", "max_tokens", "stop", "logprobs", "top_logprobs"],
      ...["response_format", "modalities"],
      // An effort that the model cannot take is one that was left out.
      ...(thinking === undefined ? [] : ["reasoning_effort"]),
    ],
  };
}

/**
 * Some models refuse the two penalties whatever they are, and many clients send them as 0, which is none.
 * (https://github.com/PublicAffairs/openai-gemini/issues/27, read 2026-11-21)
 */
function saysSomething(name: string, value: unknown): boolean {
  return value != null && !(name.endsWith("_penalty") && value === 0);
}

/** The client's own config and an effort exclude each other, and the config says more. */
function thinkingConfigOf(
  request: JsonObject,
  model: string,
  native: NativeFields,
): JsonObject | undefined {
  if (native.thinkingConfig !== undefined) return native.thinkingConfig;
  const effort = request["reasoning_effort"];
  return typeof effort === "string" ? thinkingFor(effort, model) : undefined;
}

function stopSequencesOf(stop: unknown): JsonObject {
  const list = (Array.isArray(stop) ? stop : [stop]).filter(
    (text) => typeof text === "string" && text !== "",
  );
  return list.length === 0 ? {} : { stopSequences: list };
}

/** Gemini's come with the whole answer's end; in a stream there is nothing to set them beside. */
function logprobsOf(request: JsonObject): JsonObject {
  if (request["logprobs"] !== true) return {};
  if (request["stream"] === true) {
    throw fault(
      "logprobs",
      "Gemini's 'logprobs' come with whole answers only: leave out 'stream'.",
    );
  }
  const top = request["top_logprobs"];
  return {
    responseLogprobs: true,
    ...(typeof top === "number" && top > 0 ? { logprobs: top } : {}),
  };
}

/** Throws `invalid_value` for a format that nobody has. */
function formatOf(format: unknown): JsonObject {
  if (!isJsonObject(format) || format["type"] === "text") return {};
  const json = { responseMimeType: "application/json" };
  if (format["type"] === "json_object") return json;
  const wanted = format["json_schema"];
  if (format["type"] !== "json_schema" || !isJsonObject(wanted)) {
    throw fault("response_format", "'response_format' must be text, json_object or json_schema.");
  }
  const { schema } = wanted;
  if (!isJsonObject(schema) || Object.keys(schema).length === 0) return json;
  return {
    ...json,
    responseSchema: cleanAnswerSchema(schema, "response_format.json_schema.schema"),
  };
}

/** Images come back as `message.images`; OpenAI's form for sound has no counterpart. */
function modalitiesOf(modalities: unknown): JsonObject {
  if (!Array.isArray(modalities)) return {};
  const names = modalities.map((name) => String(name).toUpperCase());
  if (names.some((name) => name !== "TEXT" && name !== "IMAGE")) {
    throw fault("modalities", "From Gemini 'modalities' can be text and image here.");
  }
  return names.includes("IMAGE") ? { responseModalities: names } : {};
}
