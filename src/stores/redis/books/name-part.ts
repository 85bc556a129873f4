import { createHash } from "node:crypto";

/**
 * Names as parts of fields and members, divided by `|`. Clients make models and tags up, so that a name may hold
 * anything and be of any length: what divides is escaped, and the rest of a long one is replaced by its hash.
 * Different names stay different, and the same name always becomes the same part.
 */
export function namePart(name: string): string {
  const bounded = name.length > charactersMax ? shortened(name) : name;
  return needsEscape.test(bounded) ? bounded.replace(escaped, escape) : bounded;
}

/** In UTF-16 units; one is three bytes at most, escapes included. */
const charactersMax = 160;
const charactersKept = 120;

const needsEscape = /[|%=\u0000-\u001f\u007f]/;
const escaped = new RegExp(needsEscape, "g");

const escape = (character: string): string =>
  `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`;

function shortened(name: string): string {
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 32);
  return `${name.slice(0, charactersKept).toWellFormed()}~${hash}`;
}

export function nameOfPart(part: string): string {
  if (!part.includes("%")) return part;
  return part.replace(/%([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** A tag in one part. The sign between its name and its value is the only one that is not escaped. */
export const tagPart = (name: string, value: string): string =>
  `${namePart(name)}=${namePart(value)}`;
