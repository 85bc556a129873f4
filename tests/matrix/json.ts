import { isJsonObject } from "../../src/lib/json-text.ts";
import type { JsonObject } from "../../src/lib/json-text.ts";

/** The value as an object, and an empty one where it is none. */
export const objectOf = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});

/** The value as a list of objects; what is none is left out. */
export const objectsOf = (value: unknown): readonly JsonObject[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : [];

export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
