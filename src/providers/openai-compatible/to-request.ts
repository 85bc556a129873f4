import { Failure } from "../../errors.ts";
import { changeFields, isJsonObject } from "../../lib/json-text.ts";
import type { FieldChange, JsonObject } from "../../lib/json-text.ts";
import { ownValue } from "../../lib/own-value.ts";
import { wantsUsage } from "../../protocol/stream-options.ts";
import type { ProviderCall } from "../provider.ts";
import { schemaInWords } from "./json-schema.ts";
import type { Quirks } from "./quirks.ts";
import { changedMessages, lacksThoughts } from "./to-messages.ts";
import { changedTools } from "./to-tools.ts";

export interface WrittenRequest {
  readonly body: Buffer | string;
  /** Fields that the vendor cannot take and that were left out. */
  readonly droppedParams: readonly string[];
}

/**
 * The client's request in the vendor's dialect. A field that needs no change keeps the text in which the
 * client wrote it, and a request that needs none at all goes out as the bytes that came in. Throws a
 * `Failure` for what the vendor cannot do, where leaving it out would make the answer wrong.
 */
export function writeRequest(call: ProviderCall, quirks: Quirks): WrittenRequest {
  const { request } = call;
  const writing: Writing = { call, quirks, changes: new Map(), dropped: [] };
  const model = modelName(call.model, quirks);
  if (request.value["model"] !== undefined && request.value["model"] !== model) {
    writing.changes.set("model", { value: JSON.stringify(model) });
  }
  refuseChoices(writing);
  refuseFields(writing);
  askForUsage(writing);
  if (call.endpoint === "chat") writeChat(writing);
  renameAndDrop(writing);
  const body =
    writing.changes.size === 0 ? call.requestBytes : changeFields(request, writing.changes);
  return { body, droppedParams: writing.dropped };
}

/** A request on its way, and what is to become of its outermost fields. */
interface Writing {
  readonly call: ProviderCall;
  readonly quirks: Quirks;
  readonly changes: Map<string, FieldChange>;
  readonly dropped: string[];
}

function modelName(model: string, { bareModelNamespace }: Quirks): string {
  const isBare = bareModelNamespace !== undefined && !model.includes("/");
  return isBare ? `${bareModelNamespace}/${model}` : model;
}

/** One answer in place of several would be taken for all of them. Another target may give several. */
function refuseChoices({ call, quirks, changes }: Writing): void {
  const count = call.request.value["n"];
  if (!quirks.request.answersOnce || count === undefined) return;
  if (typeof count === "number" && count > 1) {
    const message = `The provider of model '${call.model}' gives one answer to a request. Leave 'n' out, or ask ${count} times.`;
    throw new Failure("invalid_value", message, { param: "n", recovery: "fallback" });
  }
  changes.set("n", "remove");
}

/** What would change the answer's form if it were left out. */
function refuseFields({ call, quirks }: Writing): void {
  const { value } = call.request;
  const { refusedFields, answersInTextOnly } = quirks.request;
  const isAsked = (name: string): boolean => value[name] != null;
  const { modalities } = value;
  const isMore = isList(modalities) && modalities.some((modality) => modality !== "text");
  const name = answersInTextOnly && isMore ? "modalities" : refusedFields.find(isAsked);
  if (name === undefined) return;
  const hint = name === "functions" ? " Use 'tools' instead." : "";
  const message = `The provider of model '${call.model}' does not take '${name}'.${hint}`;
  throw new Failure("invalid_value", message, { param: name, recovery: "fallback" });
}

function askForUsage({ call, quirks, changes }: Writing): void {
  const streamsUsage = call.endpoint === "chat" || call.endpoint === "completions";
  const given = call.request.value["stream_options"];
  if (!call.isStream || !streamsUsage) return;
  if (!quirks.request.takesStreamOptions) {
    if (given !== undefined) changes.set("stream_options", "remove");
    return;
  }
  if (wantsUsage(call.request)) return;
  const options = { ...(isJsonObject(given) ? given : {}), include_usage: true };
  changes.set("stream_options", { value: JSON.stringify(options) });
}

function writeChat(writing: Writing): void {
  const { call, quirks, changes } = writing;
  const request = call.request.value;
  chooseTools(writing);
  chooseEffort(writing);
  const tools = changedTools(request["tools"], quirks.messages);
  if (tools !== undefined && !changes.has("tools")) {
    changes.set("tools", { value: JSON.stringify(tools) });
  }
  const changed = changedMessages(request["messages"], quirks.messages);
  const messages = describeSchema(writing, changed ?? request["messages"]) ?? changed;
  if (messages !== undefined) changes.set("messages", { value: JSON.stringify(messages) });
  const { withoutThoughts } = quirks.messages;
  if (withoutThoughts === undefined) return;
  if (request["reasoning_effort"] === "none" || lacksThoughts(request["messages"])) {
    goWithoutThoughts(writing, withoutThoughts);
  }
}

function chooseTools({ call, quirks, changes, dropped }: Writing): void {
  const choice = call.request.value["tool_choice"];
  const { toolChoice } = quirks.request;
  if (toolChoice === "any" && choice === "required") {
    changes.set("tool_choice", { value: '"any"' });
  }
  if (toolChoice !== "ignored" || choice == null || choice === "auto") return;
  changes.set("tool_choice", "remove");
  // A model that sees no tool calls none.
  if (choice === "none") changes.set("tools", "remove");
  else dropped.push("tool_choice");
}

function chooseEffort({ call, quirks, changes }: Writing): void {
  const { efforts } = quirks.request;
  if (efforts?.models.test(call.model) !== true) return;
  const word = ownValue(efforts.words, call.request.value["reasoning_effort"]);
  if (word !== undefined) changes.set("reasoning_effort", { value: JSON.stringify(word) });
}

/** The messages with the schema told in words, where the vendor does not take it as one. */
function describeSchema(
  { call, quirks, changes }: Writing,
  messages: unknown,
): readonly unknown[] | undefined {
  const format = call.request.value["response_format"];
  if (quirks.request.jsonSchema === "native" || !isList(messages)) return undefined;
  if (!isJsonObject(format) || format["type"] !== "json_schema") return undefined;
  changes.set("response_format", { value: '{"type":"json_object"}' });
  return [{ role: "system", content: schemaInWords(format["json_schema"]) }, ...messages];
}

/** Without them the vendor refuses to think on, but not to answer. What the client itself says goes first. */
function goWithoutThoughts({ call, changes, dropped }: Writing, fields: JsonObject): void {
  if (Object.keys(fields).some((name) => call.request.value[name] != null)) return;
  for (const [name, value] of Object.entries(fields)) {
    changes.set(name, { value: JSON.stringify(value) });
  }
  const effort = call.request.value["reasoning_effort"];
  if (effort == null) return;
  changes.set("reasoning_effort", "remove");
  if (effort !== "none") dropped.push("reasoning_effort");
}

function renameAndDrop({ call, quirks, changes, dropped }: Writing): void {
  const { value } = call.request;
  const known = quirks.request.knownFields?.[call.endpoint];
  for (const [from, to] of Object.entries(quirks.request.renames)) {
    if (known === undefined || known.has(to)) rename(value, { from, to }, changes);
  }
  const refused = refusedFields(call, quirks);
  for (const name of Object.keys(value)) {
    const isRefused = refused.includes(name) || known?.has(name) === false;
    if (!isRefused || changes.has(name)) continue;
    changes.set(name, "remove");
    if (value[name] !== null) dropped.push(name);
  }
}

/** Of a chat or a completion; the other endpoints have fields of their own, which the vendor knows better. */
function refusedFields({ endpoint, model }: ProviderCall, quirks: Quirks): readonly string[] {
  const { droppedFields, droppedByModel } = quirks.request;
  if (endpoint !== "chat" && endpoint !== "completions") return [];
  if (droppedByModel?.models.test(model) !== true) return droppedFields;
  return [...droppedFields, ...droppedByModel.fields];
}

/** Where both are given, the new name is what the client's SDK means today, unless it says nothing. */
function rename(
  value: JsonObject,
  { from, to }: { readonly from: string; readonly to: string },
  changes: Map<string, FieldChange>,
): void {
  if (!(from in value)) return;
  if (to in value && value[from] === null) {
    changes.set(from, "remove");
    return;
  }
  if (to in value) changes.set(to, "remove");
  changes.set(from, { rename: to });
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
