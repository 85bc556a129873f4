import { isJsonObject } from "../../lib/json-text.ts";

/**
 * What a model is told whose vendor takes no schema. The word "JSON" has to be in it: DeepSeek demands that.
 * (https://api-docs.deepseek.com/guides/json_mode, read 2026-11-21)
 */
export function schemaInWords(jsonSchema: unknown): string {
  const given = isJsonObject(jsonSchema) ? jsonSchema : {};
  const description = given["description"];
  const purpose = typeof description === "string" ? ` It is: ${description}` : "";
  const schema = JSON.stringify(given["schema"] ?? {});
  return `Answer with one JSON object, and nothing else, that is valid against this JSON schema.${purpose}\n${schema}`;
}
