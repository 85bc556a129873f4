import { InvalidArgumentError } from "commander";

import { Failure } from "../../errors.ts";
import { readTags } from "../../http/request-labels.ts";
import type { CachedEndpoint } from "../../pipeline/cache/cache-store.ts";
import { cacheTtlSecondsMax } from "../../tenants/cache-policy.ts";
import { positiveNumber } from "../option-values.ts";
import { warmPaths } from "./warm-line.ts";

const concurrencyMax = 256;

export function concurrency(text: string): number {
  const count = positiveNumber(text);
  if (count <= concurrencyMax) return count;
  throw new InvalidArgumentError(`It must be ${concurrencyMax} or less.`);
}

export function ttlSeconds(text: string): number {
  const seconds = positiveNumber(text);
  if (seconds <= cacheTtlSecondsMax) return seconds;
  throw new InvalidArgumentError(`It must be ${cacheTtlSecondsMax} (30 days) or less.`);
}

/** As the header takes them. */
export function tags(text: string): string {
  try {
    if (Object.keys(readTags(text)).length > 0) return text;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
  throw new InvalidArgumentError("It must be tags with commas between, as team=a,feature=b.");
}

export function endpoint(text: string): CachedEndpoint {
  const found = warmPaths.get(text);
  if (found !== undefined) return found;
  throw new InvalidArgumentError(`It must be one of ${[...warmPaths.keys()].join(", ")}.`);
}

/** They have options of their own, or are none of the caller's business. */
const takenHeaders: ReadonlySet<string> = new Set([
  "authorization",
  "x-api-key",
  "x-sentinel-cache",
  "x-sentinel-cache-ttl",
  "x-sentinel-tags",
  "content-type",
  "content-length",
  "host",
]);

export type Headers = Readonly<Record<string, string>>;

/** Commander calls it for each of the values, with what it made of those before. */
export function headers(text: string, before: Headers | undefined): Headers {
  const [, name = "", value = ""] =
    /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)[ \t]*$/.exec(
      text,
    ) ?? [];
  if (name === "") throw new InvalidArgumentError("It must be a header, as 'anthropic-beta: …'.");
  if (takenHeaders.has(name.toLowerCase())) {
    throw new InvalidArgumentError(`${name} cannot be given here.`);
  }
  return { ...before, [name.toLowerCase()]: value };
}
