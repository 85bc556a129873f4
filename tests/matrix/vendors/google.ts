import type { JsonObject } from "../../../src/lib/json-text.ts";
import type { SeenRequest } from "../../support/scripted-upstream.ts";
import { objectOf, objectsOf, textOf } from "../json.ts";
import { checkGenerate } from "./google-rules.ts";
import { plainText } from "./openai-wire.ts";
import { piecesOf, turnsOf } from "./vendor.ts";
import type { Answer, Blocked, SeenAsk, SeenPart, Vendor, VendorError } from "./vendor.ts";

/** The signatures that were given out: only these may come back. */
const issued = new Set<string>();

const finishReasons = {
  stop: "STOP",
  length: "MAX_TOKENS",
  // Gemini has no reason of its own for calls.
  tools: "STOP",
  refused: "SAFETY",
} as const;

/** Output does not include thoughts; input includes what was cached. */
const usageOf = ({ usage }: Answer): object => ({
  promptTokenCount: usage.input,
  candidatesTokenCount: usage.output - usage.thoughts,
  totalTokenCount: usage.input + usage.output,
  ...(usage.cached === 0 ? {} : { cachedContentTokenCount: usage.cached }),
  ...(usage.thoughts === 0 ? {} : { thoughtsTokenCount: usage.thoughts }),
  promptTokensDetails: [{ modality: "TEXT", tokenCount: usage.input }],
});

/** The signature is on the first call; without calls, on the last part. */
function signed(parts: readonly JsonObject[], signature: string | undefined): JsonObject[] {
  if (signature === undefined) return [...parts];
  issued.add(signature);
  const firstCall = parts.findIndex((part) => "functionCall" in part);
  const at = firstCall === -1 ? parts.length - 1 : firstCall;
  return parts.map((part, index) =>
    index === at ? { ...part, thoughtSignature: signature } : part,
  );
}

/** Calls have ids since Gemini 3. */
function partsOf({ thought, text, toolCalls = [] }: Answer, ask: SeenAsk): JsonObject[] {
  const thoughts = thought === undefined ? [] : [{ text: thought.text, thought: true }];
  const said = text === undefined ? [] : [{ text }];
  const calls = toolCalls.map((call, index) => ({
    functionCall: {
      ...(/gemini-[3-9]/.test(ask.model) ? { id: `8f2b1a3c${index}` } : {}),
      name: call.name,
      args: call.arguments,
    },
  }));
  return [...thoughts, ...signed([...said, ...calls], thought?.signature)];
}

const response = (ask: SeenAsk, candidate: object, answer: Answer): object => ({
  candidates: [candidate],
  usageMetadata: usageOf(answer),
  modelVersion: ask.model,
  responseId: "mAitaLmkHPPlz7IPvtfUqQ4",
});

const finish = (answer: Answer): object => ({
  finishReason: finishReasons[answer.finish],
  index: 0,
});

function whole(answer: Answer, ask: SeenAsk): object {
  const content = { parts: partsOf(answer, ask), role: "model" };
  return response(ask, { content, ...finish(answer) }, answer);
}

/** Each event has some of the parts; a signature may come by itself with an empty text, at the end. */
function events(answer: Answer, ask: SeenAsk): readonly string[] {
  const parts = partsOf(answer, ask).flatMap((part): JsonObject[] => {
    const { text, thoughtSignature, ...rest } = part;
    if (typeof text !== "string") return [part];
    const pieces = piecesOf(text).map((piece) => ({ text: piece, ...rest }));
    return thoughtSignature === undefined ? pieces : [...pieces, { text: "", thoughtSignature }];
  });
  const empty = { parts: [{ text: "" }], role: "model" };
  const usageSofar = { ...answer.usage, output: answer.usage.thoughts };
  return [
    ...parts.map((part) => {
      const candidate = { content: { parts: [part], role: "model" }, index: 0 };
      return event(response(ask, candidate, { ...answer, usage: usageSofar }));
    }),
    // The end comes by itself, with a text that is empty.
    event(response(ask, { content: empty, ...finish(answer) }, answer)),
  ];
}

const event = (body: object): string => `data: ${JSON.stringify(body)}\r\n\r\n`;

/** (https://ai.google.dev/api/generate-content#PromptFeedback, read 2026-11-21) */
function blocked(ask: SeenAsk): Blocked {
  const body = {
    promptFeedback: { blockReason: "PROHIBITED_CONTENT" },
    usageMetadata: { promptTokenCount: 11, totalTokenCount: 11 },
    modelVersion: ask.model,
    responseId: "mAitaLmkHPPlz7IPvtfUqQ4",
  };
  return { whole: body, events: [event(body)] };
}

function read(request: SeenRequest): SeenAsk {
  const body = objectOf(request.json);
  const generation = objectOf(body["generationConfig"]);
  const [, model = "", verb = ""] = /\/models\/([^:]+):(\w+)/.exec(request.path) ?? [];
  const maxTokens = generation["maxOutputTokens"];
  const thinking = objectOf(generation["thinkingConfig"]);
  const declared = objectsOf(body["tools"]).flatMap((tool) =>
    objectsOf(tool["functionDeclarations"]),
  );
  return {
    model: decodeURIComponent(model),
    isStream: verb === "streamGenerateContent",
    wantsUsage: true,
    system: plainText(objectOf(body["systemInstruction"])["parts"]),
    turns: turnsOf(
      objectsOf(body["contents"]).flatMap((content) => {
        const role = content["role"] === "model" ? ("model" as const) : ("user" as const);
        return objectsOf(content["parts"]).map((part) => ({ role, part: partOf(part) }));
      }),
    ),
    tools: declared.map((tool) => ({
      name: textOf(tool["name"]),
      description: textOf(tool["description"]),
      parameters: tool["parametersJsonSchema"] ?? tool["parameters"],
    })),
    toolChoice: readToolChoice(objectOf(body["toolConfig"])),
    oneToolAtATime: false,
    temperature: generation["temperature"] as number | undefined,
    schema: generation["responseJsonSchema"] ?? generation["responseSchema"],
    stop: (generation["stopSequences"] ?? []) as string[],
    maxTokens: typeof maxTokens === "number" ? maxTokens : undefined,
    thinks: Object.keys(thinking).length > 0,
    caches: false,
  };
}

function readToolChoice(config: JsonObject): SeenAsk["toolChoice"] {
  const { mode, allowedFunctionNames: names } = objectOf(config["functionCallingConfig"]);
  const [only, ...others] = (names ?? []) as string[];
  if (mode === "ANY" && only !== undefined && others.length === 0) return { name: only };
  if (mode === "NONE") return "none";
  return mode === "ANY" ? "required" : "auto";
}

function partOf(part: JsonObject): SeenPart {
  if ("functionCall" in part) {
    const { name, args } = objectOf(part["functionCall"]);
    return { kind: "call", name: textOf(name), arguments: args };
  }
  if ("functionResponse" in part) {
    const { name, response: result } = objectOf(part["functionResponse"]);
    return { kind: "result", name: textOf(name), text: resultText(objectOf(result)) };
  }
  if ("inlineData" in part) {
    const { mimeType, data } = objectOf(part["inlineData"]);
    return { kind: "image", mediaType: textOf(mimeType), base64: textOf(data) };
  }
  if ("fileData" in part) {
    return { kind: "image", url: textOf(objectOf(part["fileData"])["fileUri"]) };
  }
  return { kind: "text", text: textOf(part["text"]) };
}

/** A result must be an object: text is put into a field of one. */
function resultText(result: JsonObject): string {
  const values = Object.values(result);
  const [only] = values;
  return values.length === 1 && typeof only === "string" ? only : JSON.stringify(result);
}

/** (https://ai.google.dev/gemini-api/docs/troubleshooting, read 2026-11-21) */
const errorOf = ({ status, message }: VendorError): object => ({
  error: { code: status, message, status: errorNames[status] ?? "INTERNAL" },
});

const errorNames: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  503: "UNAVAILABLE",
};

export const google: Vendor = {
  name: "google",
  basePath: "/v1beta",
  usualModel: "gemini-2.5-flash",
  thinkingModels: [
    { model: "gemini-2.5-pro", thinks: "with-budget" },
    { model: "gemini-3.1-pro-preview", thinks: "with-budget" },
  ],
  showsThoughts: true,
  marksRefusals: true,
  countsCached: true,
  countsWritten: false,
  fetchesImages: true,
  blocked,
  check: (request) => {
    checkGenerate(request, issued);
  },
  read,
  whole,
  events,
  errorBody: errorOf,
  errorEvent: (error) => `data: ${JSON.stringify(errorOf(error))}\r\n\r\n`,
};
