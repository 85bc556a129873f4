import type { Endpoint } from "../../protocol/endpoints.ts";

/**
 * How each vendor's "OpenAI-compatible" API differs from OpenAI's, as data. Shared code reads these fields
 * and names no vendor; the vendors' own values are in `vendor-quirks.ts`.
 */
export interface Quirks {
  /** Which of OpenAI's endpoints the vendor has. */
  readonly endpoints: ReadonlySet<Endpoint>;
  readonly keyHeader: "authorization" | "api-key";
  /** `deployments`: the model is part of the path (Azure). */
  readonly paths: "plain" | "deployments";
  readonly request: RequestQuirks;
  readonly messages: MessageQuirks;
  readonly answers: AnswerQuirks;
  /** `GET /models` names every model that can be called. */
  readonly listsEveryModel: boolean;
  /** The models that are this vendor's own, by how their names begin. */
  readonly modelPrefixes: readonly string[];
  /** All model names have a slash; what stands before it in those that came without (OpenRouter's own). */
  readonly bareModelNamespace?: string;
  /** Headers of the client that the vendor has a use for. */
  readonly forwardedHeaders: readonly string[];
}

/** What becomes of a request's outermost fields. Those of a field that is left out are reported. */
export interface RequestQuirks {
  /** Outermost fields under another name. */
  readonly renames: Readonly<Record<string, string>>;
  /** Where the vendor refuses what it does not know: all that it does know. */
  readonly knownFields?: Partial<Readonly<Record<Endpoint, ReadonlySet<string>>>>;
  /** Fields that the vendor refuses, or takes and silently ignores. */
  readonly droppedFields: readonly string[];
  /** Fields that some of its models refuse. */
  readonly droppedByModel?: { readonly models: RegExp; readonly fields: readonly string[] };
  /** Fields without which the answer would be another one than was asked for: a request with one is refused. */
  readonly refusedFields: readonly string[];
  /** It answers in text alone: a request for other modalities is refused. */
  readonly answersInTextOnly: boolean;
  /** Efforts of reasoning that it has another word for, at some of its models. */
  readonly efforts?: { readonly models: RegExp; readonly words: Readonly<Record<string, string>> };
  /** The models that take `reasoning_effort`, where others refuse it; undefined if that cannot be told. */
  readonly effortModels?: RegExp;
  /** It knows `top_k`. */
  readonly takesTopK: boolean;
  /** It answers once, whatever `n` says: a request for more is refused, since its answer would be wrong. */
  readonly answersOnce: boolean;
  /** Whether streams may be asked for their usage by `stream_options`. */
  readonly takesStreamOptions: boolean;
  /** The first version of a dated API that takes `stream_options`. */
  readonly streamOptionsSince?: string;
  /** What `tool_choice` is called that means "any tool, but one"; `ignored`: it chooses for itself. */
  readonly toolChoice: "required" | "any" | "ignored";
  /** `as-object`: JSON, but of no schema, which is told to the model in words instead. */
  readonly jsonSchema: "native" | "as-object";
}

/** What becomes of the messages of a chat. */
export interface MessageQuirks {
  /** Whether `developer` is a role of its own; otherwise it goes as `system`. */
  readonly hasDeveloperRole: boolean;
  /** Tool call ids must be exactly nine letters or digits. */
  readonly needsShortToolIds: boolean;
  /** Arguments that are the empty text, as of a tool without any, are refused: they must be JSON. */
  readonly needsJsonArguments: boolean;
  /** Where the vendor refuses what it does not know: what it knows in a message, by role; `*` for the others. */
  readonly knownFields?: Readonly<Record<string, ReadonlySet<string>>>;
  /** The same for a tool call. */
  readonly knownToolCallFields?: ReadonlySet<string>;
  /** The field that a last message of the assistant needs, for the model to go on with it. */
  readonly prefillField?: string;
  /**
   * Under which names a model's thoughts come back to it (clients keep them as `reasoning_content`). None:
   * the vendor does not take them. Undefined: as the client has them.
   */
  readonly thoughtFields?: readonly string[];
  /**
   * Outermost fields that turn thinking off: for an effort of "none", and for a vendor that demands the
   * thoughts of a tool call, where they did not come back.
   */
  readonly withoutThoughts?: Readonly<Record<string, unknown>>;
  /** Whether `cache_control` may stand on messages, parts of them and tools. */
  readonly takesCacheControl: boolean;
  /** And whether it does something there. */
  readonly usesCacheControl: boolean;
  /** `inlined`: only as data URLs. */
  readonly images: "linked" | "inlined";
  /** How files go out: OpenAI's part, or Mistral's `document_url`. */
  readonly files: "openai" | "document-url";
  /** What `input_audio` holds: OpenAI's object, or only its base64. */
  readonly audio: "openai" | "base64";
}

/** What is put right in the answers. */
export interface AnswerQuirks {
  /** Answers are OpenAI's own and go through untouched; the rest of these fields is not looked at. */
  readonly areOpenAis: boolean;
  /** Finish reasons that OpenAI has another word for. */
  readonly finishReasons: Readonly<Record<string, string>>;
  /** Finish reasons of answers that broke off: a failure, since nothing says that they are whole. */
  readonly failedReasons: readonly string[];
  /** The vendor's own object in an answer or a chunk, which may hold the usage, or why a stream broke off. */
  readonly extrasIn?: string;
  /** The field of `usage` that counts what was read from the cache, where it is not where OpenAI has it. */
  readonly cachedTokensField?: string;
  /** `completion_tokens` leaves out the reasoning, which `total_tokens` counts. */
  readonly reasoningIsApart: boolean;
}

export const allEndpoints: ReadonlySet<Endpoint> = new Set<Endpoint>([
  "chat",
  "completions",
  "embeddings",
  "moderations",
  "responses",
]);

/** A server of which nothing is known but that it speaks OpenAI's API. */
export const plain: Quirks = {
  endpoints: allEndpoints,
  keyHeader: "authorization",
  paths: "plain",
  request: {
    renames: {},
    droppedFields: [],
    refusedFields: [],
    answersInTextOnly: false,
    takesTopK: false,
    answersOnce: false,
    takesStreamOptions: true,
    toolChoice: "required",
    jsonSchema: "native",
  },
  messages: {
    hasDeveloperRole: true,
    needsShortToolIds: false,
    needsJsonArguments: false,
    takesCacheControl: true,
    usesCacheControl: false,
    images: "linked",
    files: "openai",
    audio: "openai",
  },
  answers: {
    areOpenAis: false,
    finishReasons: {},
    failedReasons: ["error"],
    reasoningIsApart: false,
  },
  listsEveryModel: true,
  modelPrefixes: [],
  forwardedHeaders: ["idempotency-key"],
};
