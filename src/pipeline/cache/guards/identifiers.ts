import type { Word } from "./words.ts";

/** What stands for itself: model numbers, domains, addresses, quoted or appended text, operators. */
export interface Identifiers {
  /** Letters and digits alone, each to be found in the other text. */
  readonly codes: readonly string[];
  /** Operators and brackets in their order. */
  readonly operators: string;
}

const addresses =
  /[\w.+-]+@[\w-]+(?:\.[\w-]+)+|https?:\/\/\S+|(?:\p{L}[\w-]*\.)+\p{L}{2,}(?:\/\S*)?/gu;
const mixed = /(?=[\p{L}\d-]*\d)(?=[\p{L}\d-]*\p{L})[\p{L}\d]+(?:-[\p{L}\d]+)*/gu;
const quoted = /"([^"]+)"|“([^”]+)”|«([^»]+)»|`([^`]+)`|(?<![\p{L}\d])'([^']+)'(?![\p{L}\d])/gu;
const appended = /:\s+([\s\S]+)$/u;
/** Numbers with a unit, an ordinal or a multiplier are read by the guards for those. */
const measured =
  /^\d+(?:st|nd|rd|th|s|k|m|mn|bn|am|pm|x|kg|g|mg|km|cm|mm|lb|lbs|oz|ml|l|gb|mb|tb|kb|h|hr|hrs|min|mins|sec|secs|ms|mph|kw|w|v|c|f|ft|in|usd|eur|gbp)$/i;
const operatorMarks = /[+*/\\=<>^|&#@_~{}[\]→×÷≤≥≠]/;

export function readIdentifiers(text: string, words: readonly Word[]): Identifiers {
  const codes: string[] = [];
  for (const [address] of text.matchAll(addresses)) codes.push(squeeze(address));
  for (const [code] of text.matchAll(mixed)) if (!measured.test(code)) codes.push(squeeze(code));
  for (const match of text.matchAll(quoted))
    codes.push(squeeze(match.slice(1).find(Boolean) ?? ""));
  const literal = appended.exec(text)?.[1];
  if (literal !== undefined) codes.push(squeeze(literal));
  let operators = "";
  for (const { kind, raw } of words)
    if (kind === "mark" && operatorMarks.test(raw)) operators += raw;
  return { codes: codes.filter((code) => code !== ""), operators: operators.replaceAll("&", "") };
}

export function squeeze(text: string): string {
  return text.toLowerCase().replaceAll(/[^\p{L}\p{M}\d+#]/gu, "");
}

export interface WithIdentifiers {
  readonly identifiers: Identifiers;
  /** The whole text, squeezed. */
  readonly squeezed: string;
}

export function identifiersDiffer(asked: WithIdentifiers, cached: WithIdentifiers): boolean {
  return (
    asked.identifiers.operators !== cached.identifiers.operators ||
    asked.identifiers.codes.some((code) => !cached.squeezed.includes(code)) ||
    cached.identifiers.codes.some((code) => !asked.squeezed.includes(code))
  );
}
