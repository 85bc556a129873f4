import type { JsonObject } from "../../../lib/json-text.ts";

/** `thinking_budget` as `thinkingBudget`; Google's own OpenAI API takes its fields in Python's spelling. */
export function camelCase(name: string): string {
  return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** An object's own names in the spelling of Google's JSON. Those further in may be a client's: of a schema, say. */
export function withCamelCase(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [camelCase(name), value]),
  );
}
