import { isJsonObject } from "../../lib/json-text.ts";
import { newId } from "../../lib/ids.ts";
import type { JsonObject } from "../../lib/json-text.ts";

/**
 * Puts right what OpenAI-compatible servers get wrong about tool calls, so that a client sees what OpenAI
 * would have sent: in a stream stable indices from 0, id and name in a call's first piece only; everywhere
 * arguments as a string, an id of its own for each call, and `finish_reason: "tool_calls"`.
 */
export class ToolCallRepair {
  readonly #choices = new Map<unknown, ChoiceCalls>();

  /** One chunk of a stream; the same object if nothing was wrong with it. */
  repairChunk(chunk: JsonObject): JsonObject {
    return withChoices(chunk, (choice) => {
      const calls = this.#callsOf(choice["index"] ?? 0);
      const delta = choice["delta"];
      const pieces = isJsonObject(delta) ? delta["tool_calls"] : undefined;
      let repaired = choice;
      if (isJsonObject(delta) && Array.isArray(pieces)) {
        const newDelta = withFields(delta, { tool_calls: calls.repair(pieces) });
        repaired = withFields(choice, { delta: newDelta });
      }
      // An empty reason is none yet: some servers write it where OpenAI writes null.
      const hasEnded = repaired["finish_reason"] !== "";
      return calls.count > 0 && hasEnded ? withToolFinish(repaired) : repaired;
    });
  }

  #callsOf(index: unknown): ChoiceCalls {
    const known = this.#choices.get(index);
    if (known !== undefined) return known;
    const calls = new ChoiceCalls();
    this.#choices.set(index, calls);
    return calls;
  }
}

/** A whole answer; the same object if nothing was wrong with it. */
export function repairWhole(completion: JsonObject): JsonObject {
  return withChoices(completion, (choice) => {
    const message = choice["message"];
    const given = isJsonObject(message) ? message["tool_calls"] : undefined;
    if (!Array.isArray(given) || given.length === 0) return choice;
    const ids = new Set<unknown>();
    const calls = sameUnlessChanged(given, (call) => {
      const id = isUsableId(call["id"]) && !ids.has(call["id"]) ? call["id"] : newToolId();
      ids.add(id);
      return withFields(call, { id, type: call["type"] ?? "function", ...functionOf(call) });
    });
    const newMessage = withFields(message as JsonObject, { tool_calls: calls });
    return withToolFinish(withFields(choice, { message: newMessage }));
  });
}

/** At most this many calls are told apart in one choice; the rest keep what the server sent. */
const callsMax = 512;

/** The tool calls of one choice of a stream, as far as it has come. */
class ChoiceCalls {
  /** What the server calls each call (its id, or its index where it gives none) to the index we give it. */
  readonly #indexById = new Map<string, number>();
  readonly #indexByTheirs = new Map<unknown, number>();
  #last = -1;

  get count(): number {
    return this.#last + 1;
  }

  /** The same list if nothing was wrong with it. */
  repair(pieces: readonly unknown[]): readonly unknown[] {
    return sameUnlessChanged(pieces, (piece) => this.#repairPiece(piece));
  }

  #repairPiece(piece: JsonObject): JsonObject {
    const id = isUsableId(piece["id"]) ? piece["id"] : undefined;
    const theirs = piece["index"];
    const known = this.#find(id, theirs, piece);
    if (known !== undefined) return laterPiece(piece, known);
    if (this.#last + 1 >= callsMax) return piece;
    const index = ++this.#last;
    const newName = id !== undefined && !this.#indexById.has(id) ? id : newToolId();
    this.#indexById.set(newName, index);
    this.#indexByTheirs.set(theirs, index);
    const head = { index, id: newName, type: piece["type"] ?? "function" };
    return withFields(piece, { ...head, ...functionOf(piece) });
  }

  /** The index of the call that this piece continues; undefined if it begins a new one. */
  #find(id: string | undefined, theirs: unknown, piece: JsonObject): number | undefined {
    const byTheirs = this.#indexByTheirs.get(theirs);
    if (id !== undefined) {
      const byId = this.#indexById.get(id);
      // The same id under another index: two calls of a server that does not make ids of their own.
      return byId !== undefined && (theirs === undefined || byTheirs === byId) ? byId : undefined;
    }
    const fn = piece["function"];
    const startsNew = isJsonObject(fn) && typeof fn["name"] === "string" && fn["name"] !== "";
    if (theirs !== undefined) return byTheirs;
    return startsNew || this.#last < 0 ? undefined : this.#last;
  }
}

/** A piece that continues a call: without the id, the type and the name that its first piece had. */
function laterPiece(piece: JsonObject, index: number): JsonObject {
  const { id, type, ...rest } = piece;
  const bare = id === undefined && type === undefined ? piece : rest;
  const { function: fn } = functionOf(piece);
  if (fn === undefined) return withFields(bare, { index });
  const { name, ...withoutName } = fn;
  return withFields(bare, { index, function: name === undefined ? fn : withoutName });
}

/** A call's function with its arguments as text. Nothing for a call of a custom tool, which has none. */
function functionOf(call: JsonObject): { readonly function?: JsonObject } {
  if (call["type"] === "custom" || isJsonObject(call["custom"])) return {};
  const fn = isJsonObject(call["function"]) ? call["function"] : {};
  const given = fn["arguments"];
  if (typeof given === "string") return { function: fn };
  return { function: { ...fn, arguments: given == null ? "" : JSON.stringify(given) } };
}

/** The object with these fields; the same one if it has them already, so that its text can stay. */
function withFields(object: JsonObject, fields: JsonObject): JsonObject {
  const hasAll = Object.entries(fields).every(([name, value]) => object[name] === value);
  return hasAll ? object : { ...object, ...fields };
}

function sameUnlessChanged(
  list: readonly unknown[],
  change: (item: JsonObject) => JsonObject,
): readonly unknown[] {
  const changed = list.map((item) => (isJsonObject(item) ? change(item) : item));
  return changed.some((item, index) => item !== list[index]) ? changed : list;
}

function withToolFinish(choice: JsonObject): JsonObject {
  const reason = choice["finish_reason"];
  const isWrong = reason === "stop" || reason === "function_call" || reason === "";
  return isWrong ? { ...choice, finish_reason: "tool_calls" } : choice;
}

function withChoices(answer: JsonObject, repair: (choice: JsonObject) => JsonObject): JsonObject {
  const choices = answer["choices"];
  if (!Array.isArray(choices)) return answer;
  return withFields(answer, { choices: sameUnlessChanged(choices, repair) });
}

/** "null" is what Mistral writes for none. (https://github.com/mistralai/client-python, read 2026-11-21) */
function isUsableId(id: unknown): id is string {
  return typeof id === "string" && id !== "" && id !== "null";
}

function newToolId(): string {
  return `call_${newId()}`;
}
