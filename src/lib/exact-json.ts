/**
 * JSON whose numbers keep their digits, for values that become text again: an id of 19 digits must survive both
 * ways. Node 21 and later have what that takes; the types of TypeScript do not know it yet.
 * (https://tc39.es/proposal-json-parse-with-source/, read 2026-11-21)
 */
declare global {
  interface JSON {
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
    rawJSON(text: string): unknown;
  }
}

/** Whether there may be a number that a double cannot hold. */
const longNumber = /\d{16}/;

export function parseExactly(text: string): unknown {
  if (!longNumber.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && String(value) !== source
      ? JSON.rawJSON(source)
      : value,
  );
}
