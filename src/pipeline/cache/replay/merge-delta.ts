import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";

declare global {
  interface JSON {
    isRawJSON(value: unknown): boolean;
  }
}

/** What is put together here. It inherits nothing, so that a field may have any name. */
export type Fields = Record<string, unknown>;

export const noFields = (): Fields => Object.create(null) as Fields;

/** Fields that some vendors repeat with every piece: they name a thing and are no piece of it. */
const names: ReadonlySet<string> = new Set(["role", "type", "id", "name", "index", "object"]);

/**
 * Adds a piece of a streamed answer to what there is of it: texts and lists grow, list elements that have an `index` are
 * the ones of that index, objects are merged, everything else takes the place of what was there. Null says nothing.
 */
export function mergeDelta(into: Fields, delta: JsonObject): void {
  for (const [name, value] of Object.entries(delta)) {
    into[name] = merged(name, into[name], value);
  }
}

function merged(name: string, old: unknown, value: unknown): unknown {
  if (value === null && old !== undefined) return old;
  if (Array.isArray(value)) return mergedList(Array.isArray(old) ? old : [], value);
  if (isFields(value)) {
    const into = isFields(old) ? old : noFields();
    mergeDelta(into, value);
    return into;
  }
  if (typeof old !== "string" || typeof value !== "string") return value;
  if (names.has(name)) return old === "" ? value : old;
  return old + value;
}

/** A number that a double cannot hold looks like an object. */
const isFields = (value: unknown): value is Fields => isJsonObject(value) && !JSON.isRawJSON(value);

function mergedList(old: unknown[], pieces: readonly unknown[]): unknown[] {
  for (const piece of pieces) {
    const index = isJsonObject(piece) ? piece["index"] : undefined;
    const same =
      typeof index === "number"
        ? old.find((element) => isJsonObject(element) && element["index"] === index)
        : undefined;
    if (isFields(piece) && isFields(same)) mergeDelta(same, piece);
    else old.push(merged("", undefined, piece));
  }
  return old;
}
