import { Failure } from "../errors.ts";

type Header = string | readonly string[] | undefined;

const tagsMax = 10;
export const tagNamePattern = /^[A-Za-z0-9_.-]{1,64}$/;
/** Printable, so that it can be shown anywhere; no comma, which ends it. */
export const tagValuePattern =
  /^[\x21-\x2b\x2d-\x7e](?:[\x20-\x2b\x2d-\x7e]{0,126}[\x21-\x2b\x2d-\x7e])?$/;
const noTags: Readonly<Record<string, string>> = {};

/**
 * `x-sentinel-tags: team=a,feature=b`, what the tenant wants its usage told apart by. Throws `invalid_value`: a
 * tag that was quietly left out would be missing from somebody's bill.
 */
export function readTags(header: Header): Readonly<Record<string, string>> {
  if (header === undefined) return noTags;
  const tags: Record<string, string> = Object.create(null) as Record<string, string>;
  const parts = String(header)
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  if (parts.length > tagsMax) throw badTags(`holds ${parts.length} tags; ${tagsMax} are allowed`);
  for (const part of parts) {
    const equals = part.indexOf("=");
    const name = part.slice(0, Math.max(equals, 0)).trim();
    const value = part.slice(equals + 1).trim();
    if (!tagNamePattern.test(name) || !tagValuePattern.test(value)) {
      throw badTags(
        "must be written as team=a,feature=b: names of letters, digits and _ . - (at most 64), values of printable ASCII (at most 128)",
      );
    }
    if (name in tags) throw badTags("names a tag twice");
    tags[name] = value;
  }
  return tags;
}

function badTags(fault: string): Failure {
  return new Failure("invalid_value", `The header 'x-sentinel-tags' ${fault}.`, {
    param: "x-sentinel-tags",
  });
}
