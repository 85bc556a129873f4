import type { JsonObject } from "../../../src/lib/json-text.ts";
import type { SeenRequest } from "../../support/scripted-upstream.ts";
import { objectOf, objectsOf, textOf } from "../json.ts";
import { refuseIf, refuseUnknown } from "./vendor.ts";

/** (https://ai.google.dev/api/generate-content, read 2026-11-21) */
const fields = new Set([
  ...["contents", "tools", "toolConfig", "safetySettings", "systemInstruction"],
  ...["generationConfig", "cachedContent", "serviceTier", "store"],
]);
const partFields = new Set([
  ...["text", "inlineData", "fileData", "functionCall", "functionResponse", "thought"],
  ...["thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata"],
]);
const generationFields = new Set([
  ...["stopSequences", "responseMimeType", "responseSchema", "responseJsonSchema"],
  ...["responseModalities", "candidateCount", "maxOutputTokens", "temperature", "topP", "topK"],
  ...["seed", "presencePenalty", "frequencyPenalty", "responseLogprobs", "logprobs"],
  ...["enableEnhancedCivicAnswers", "speechConfig", "thinkingConfig", "imageConfig"],
  ...["mediaResolution"],
]);
/** OpenAPI's subset, for `parameters` and `responseSchema`. (https://ai.google.dev/api/caching#Schema) */
const schemaFields = new Set([
  ...["type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems"],
  ...["properties", "required", "minProperties", "maxProperties", "minLength", "maxLength"],
  ...["pattern", "example", "anyOf", "propertyOrdering", "default", "items", "minimum"],
  ...["maximum"],
]);

/** `issued` are the signatures that the upstream has given out. */
export function checkGenerate(request: SeenRequest, issued: ReadonlySet<string>): void {
  const { headers, json, path } = request;
  const isKnown = /^\/v1beta\/models\/[^/:?]+:(generateContent|streamGenerateContent\?alt=sse)$/;
  refuseIf(!isKnown.test(path), `no such path: ${path}`);
  refuseIf(headers["x-goog-api-key"] !== "sk-upstream", "no API key");
  const body = objectOf(json);
  refuseUnknown(body, fields, "Unknown name");
  const contents = objectsOf(body["contents"]);
  refuseIf(contents.length === 0, "contents is not specified");
  for (const content of contents) checkContent(content);
  if ("systemInstruction" in body) checkContent(objectOf(body["systemInstruction"]));
  checkCalls(contents);
  if (/gemini-[3-9]/.test(path)) checkSignatures(contents, issued);
  for (const tool of objectsOf(body["tools"])) checkTool(tool);
  checkGeneration(objectOf(body["generationConfig"]));
  const choice = objectOf(body["toolConfig"]);
  refuseUnknown(choice, new Set(["functionCallingConfig", "retrievalConfig"]), "tool_config");
}

function checkContent(content: JsonObject): void {
  refuseUnknown(content, new Set(["role", "parts"]), "contents");
  const role = content["role"] ?? "user";
  refuseIf(role !== "user" && role !== "model", "Please use a valid role: user, model.");
  const parts = objectsOf(content["parts"]);
  refuseIf(parts.length === 0, "contents.parts must not be empty.");
  for (const part of parts) checkPart(part);
}

const dataFields = ["text", "inlineData", "fileData", "functionCall", "functionResponse"] as const;

function checkPart(part: JsonObject): void {
  refuseUnknown(part, partFields, "contents.parts");
  const data = dataFields.filter((name) => name in part);
  refuseIf(data.length !== 1, "contents.parts.data: required oneof field must have one value");
  const inline = objectOf(part["inlineData"]);
  refuseUnknown(inline, new Set(["mimeType", "data", "displayName"]), "inline_data");
  refuseIf("inlineData" in part && !("mimeType" in inline), "inline_data: no mimeType");
  refuseUnknown(objectOf(part["fileData"]), new Set(["mimeType", "fileUri"]), "file_data");
  const call = objectOf(part["functionCall"]);
  refuseUnknown(call, new Set(["id", "name", "args"]), "function_call");
  const response = objectOf(part["functionResponse"]);
  refuseUnknown(response, new Set(["id", "name", "response", "parts"]), "function_response");
  if (!("functionResponse" in part)) return;
  const isObject = typeof response["response"] === "object" && !Array.isArray(response["response"]);
  refuseIf(!isObject, "function_response.response: not a Struct");
  refuseIf(textOf(response["name"]) === "", "function_response.name: empty");
}

/** A turn of calls comes right after one of the user's, and right before one with as many results. */
function checkCalls(contents: readonly JsonObject[]): void {
  for (const [at, content] of contents.entries()) {
    const calls = partsWith(content, "functionCall");
    const results = partsWith(content, "functionResponse");
    const before = contents[at - 1];
    if (calls.length > 0) {
      refuseIf(
        content["role"] !== "model" || before?.["role"] === "model" || before === undefined,
        "function call turn must come immediately after a user turn or a function response turn",
      );
    }
    if (results.length === 0) continue;
    const asked = before === undefined ? [] : partsWith(before, "functionCall");
    refuseIf(
      asked.length !== results.length,
      "number of function response parts must equal number of function call parts",
    );
    const names = (list: readonly JsonObject[]): string =>
      JSON.stringify(list.map(({ name }) => name).sort());
    refuseIf(names(asked) !== names(results), `results of other functions: ${names(results)}`);
  }
}

function partsWith(content: JsonObject, field: string): readonly JsonObject[] {
  return objectsOf(content["parts"]).flatMap((part) =>
    field in part ? [objectOf(part[field])] : [],
  );
}

/**
 * In the current turn the first call of each step must have its signature. Google lets a stand-in pass for
 * calls that no Gemini made; here all were, so that a stand-in is a signature lost.
 * (https://ai.google.dev/gemini-api/docs/thought-signatures, read 2026-11-21)
 */
function checkSignatures(contents: readonly JsonObject[], issued: ReadonlySet<string>): void {
  const turnStart = contents.findLastIndex((content) => {
    const isUser = content["role"] !== "model";
    return isUser && objectsOf(content["parts"]).some((part) => !("functionResponse" in part));
  });
  for (const content of contents.slice(turnStart + 1)) {
    const first = objectsOf(content["parts"]).find((part) => "functionCall" in part);
    if (first === undefined) continue;
    const isMissing = !("thoughtSignature" in first);
    refuseIf(isMissing, "Function call is missing a thought_signature in functionCall parts.");
  }
  for (const part of contents.flatMap((content) => objectsOf(content["parts"]))) {
    const signature = part["thoughtSignature"];
    if (signature === undefined) continue;
    refuseIf(!issued.has(textOf(signature)), "Corrupted thought signature.");
  }
}

function checkTool(tool: JsonObject): void {
  refuseUnknown(tool, new Set(["functionDeclarations", "googleSearch", "codeExecution"]), "tools");
  for (const declared of objectsOf(tool["functionDeclarations"])) {
    const known = ["name", "description", "behavior", "parameters", "parametersJsonSchema"];
    refuseUnknown(declared, new Set([...known, "response", "responseJsonSchema"]), "functions");
    const isName = /^[A-Za-z_][\w.:-]{0,127}$/.test(textOf(declared["name"]));
    refuseIf(!isName, `function name ${textOf(declared["name"])}`);
    const isTwice = "parameters" in declared && "parametersJsonSchema" in declared;
    refuseIf(isTwice, "only one of parameters and parametersJsonSchema");
    if ("parameters" in declared) checkSchema(objectOf(declared["parameters"]));
  }
}

function checkSchema(schema: JsonObject): void {
  refuseUnknown(schema, schemaFields, "schema");
  refuseIf(Array.isArray(schema["type"]), "schema.type: a list");
  for (const property of Object.values(objectOf(schema["properties"]))) {
    checkSchema(objectOf(property));
  }
  for (const choice of objectsOf(schema["anyOf"])) checkSchema(choice);
  if ("items" in schema) checkSchema(objectOf(schema["items"]));
}

function checkGeneration(generation: JsonObject): void {
  refuseUnknown(generation, generationFields, "generation_config");
  const hasSchema = "responseSchema" in generation || "responseJsonSchema" in generation;
  const isJson = generation["responseMimeType"] === "application/json";
  refuseIf(hasSchema && !isJson, "response_schema: only with application/json");
  if ("responseSchema" in generation) checkSchema(objectOf(generation["responseSchema"]));
  const thinking = objectOf(generation["thinkingConfig"]);
  const known = ["includeThoughts", "thinkingBudget", "thinkingLevel"];
  refuseUnknown(thinking, new Set(known), "thinking_config");
  const isTwice = "thinkingBudget" in thinking && "thinkingLevel" in thinking;
  refuseIf(isTwice, "only one of thinking_budget and thinking_level");
  const stops = generation["stopSequences"];
  refuseIf(Array.isArray(stops) && stops.length > 5, "stop_sequences: at most 5");
}
