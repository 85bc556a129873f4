import { isJsonObject } from "../../../lib/json-text.ts";

/**
 * Whether OpenAI takes a schema with `strict: true`: each object closed and each of its properties required.
 * Anthropic also takes optional ones, so that strictness may have to be given up to keep the schema.
 * (https://platform.openai.com/docs/guides/structured-outputs#supported-schemas, read 2026-11-21)
 */
export function fitsStrictMode(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(fitsStrictMode);
  if (!isJsonObject(schema)) return true;
  const { properties, required, additionalProperties } = schema;
  if (schema["type"] === "object" || isJsonObject(properties)) {
    const names = isJsonObject(properties) ? Object.keys(properties) : [];
    const needed = new Set<unknown>(Array.isArray(required) ? (required as unknown[]) : []);
    if (additionalProperties !== false || !names.every((name) => needed.has(name))) return false;
  }
  const parts = [schema["items"], schema["anyOf"], ...values(properties)];
  return [...parts, ...values(schema["$defs"]), ...values(schema["definitions"])].every(
    fitsStrictMode,
  );
}

function values(object: unknown): unknown[] {
  return isJsonObject(object) ? Object.values(object) : [];
}
