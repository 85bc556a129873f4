import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { fault } from "./request-fault.ts";

/** Where in a schema the cleaning is. */
export interface SchemaScope {
  readonly tree: SchemaTree;
  /** The references that led here; one of them again would lead here for ever. */
  readonly open: readonly string[];
  /** How many schemas this one is in. */
  readonly depth: number;
}

/** Recursion that hides in an `allOf` ends here. Google refuses schemas that nest anywhere near this deep. */
export const depthMax = 32;

/** Inlined references can double a schema again and again; what has more parts than this is refused. */
const partsMax = 10_000;
/** `$ref` to `$ref` to `$ref`. */
const hopsMax = 100;

/** One schema, whose references lead to places in itself. */
export class SchemaTree {
  readonly #root: JsonObject;
  readonly #param: string;
  #parts = 0;

  constructor(root: JsonObject, param: string) {
    this.#root = root;
    this.#param = param;
  }

  /** Notes one more part. Throws `invalid_value` at the bound. */
  count(): void {
    if (++this.#parts <= partsMax) return;
    throw fault(
      this.#param,
      `The schema in '${this.#param}' has more than ${partsMax} parts once its references are inlined.`,
    );
  }

  /** What a `$ref` refers to: a JSON pointer into this schema (RFC 6901). Throws `invalid_value`. */
  find(reference: string): unknown {
    let value: unknown = this.#root;
    for (const part of pointerOf(reference) ?? [undefined]) {
      const isThere =
        part !== undefined &&
        typeof value === "object" &&
        value !== null &&
        Object.hasOwn(value, part);
      if (!isThere) throw this.#lost(reference);
      value = Reflect.get(value as object, part);
    }
    return value;
  }

  #lost(reference: string): Error {
    const shown = reference.slice(0, 100);
    return fault(
      this.#param,
      `The schema in '${this.#param}' refers to '${shown}', which it lacks.`,
    );
  }
}

function pointerOf(reference: string): string[] | undefined {
  if (!reference.startsWith("#")) return undefined;
  try {
    const pointer = decodeURIComponent(reference.slice(1));
    if (pointer === "") return [];
    if (!pointer.startsWith("/")) return undefined;
    return pointer
      .slice(1)
      .split("/")
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  } catch {
    return undefined; // A broken escape leads nowhere.
  }
}

/**
 * The schema with its reference followed; what stands beside the reference counts more. Undefined where the
 * schema refers to one that it is part of: recursion ends there.
 */
export function withoutReference(
  given: JsonObject,
  outer: SchemaScope,
): { readonly schema: JsonObject | undefined; readonly scope: SchemaScope } {
  let schema = given;
  let scope = outer;
  for (let hop = 0; typeof schema["$ref"] === "string"; hop++) {
    const { $ref: reference, ...beside } = schema;
    if (typeof reference !== "string") break;
    if (hop > hopsMax || scope.open.includes(reference)) return { schema: undefined, scope };
    scope = { ...scope, open: [...scope.open, reference] };
    const found = scope.tree.find(reference);
    schema = isJsonObject(found) ? { ...found, ...beside } : beside;
  }
  return { schema, scope };
}

/** Both at once: fields of both, required by either; where they differ, `second` says what holds. */
export function mergeSchemas(first: JsonObject, second: JsonObject): JsonObject {
  const merged: Record<string, unknown> = { ...first, ...second };
  if (isJsonObject(first["properties"]) && isJsonObject(second["properties"])) {
    merged["properties"] = { ...first["properties"], ...second["properties"] };
  }
  if (Array.isArray(first["required"]) && Array.isArray(second["required"])) {
    merged["required"] = [
      ...(first["required"] as unknown[]),
      ...(second["required"] as unknown[]),
    ];
  }
  return merged;
}
