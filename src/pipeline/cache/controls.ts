import { Failure } from "../../errors.ts";
import { cacheTtlSecondsMax } from "../../tenants/cache-policy.ts";

/** What a request asks of the cache, by `x-sentinel-cache` and `x-sentinel-cache-ttl`. */
export interface CacheControls {
  /** It may be answered from the cache. */
  readonly reads: boolean;
  /** Its answer may be kept. */
  readonly writes: boolean;
  /** It wants to be cached although it is not deterministic. */
  readonly optsIn: boolean;
  /** It may be answered from the cache and from nowhere else. */
  readonly onlyIfCached: boolean;
  /** How long its answer is to be kept; undefined: as long as the policy says. */
  readonly ttlSeconds: number | undefined;
}

export const controlHeader = "x-sentinel-cache";
export const ttlHeader = "x-sentinel-cache-ttl";

type Word = (typeof words)[number];
const words = ["on", "no-cache", "no-store", "only-if-cached", "refresh"] as const;

/**
 * `on` opts in what is not deterministic; `no-cache` is asked anew and kept as usual; `refresh` is asked anew, takes the
 * place of what was kept, and opts in; `no-store` has nothing to do with the cache; `only-if-cached` never goes
 * upstream, and names the cache, which opts in as well.
 */
const effects: Readonly<Record<Word, Partial<CacheControls>>> = {
  on: { optsIn: true },
  "no-cache": { reads: false },
  "no-store": { reads: false, writes: false },
  "only-if-cached": { onlyIfCached: true, optsIn: true },
  refresh: { reads: false, optsIn: true },
};

/** What would ask for two things of which one rules the other out. */
const contradictions: readonly (readonly [Word, Word])[] = [
  ["on", "no-store"],
  ["refresh", "no-store"],
  ["only-if-cached", "no-cache"],
  ["only-if-cached", "no-store"],
  ["only-if-cached", "refresh"],
];

type Header = string | readonly string[] | undefined;

const plainControls: CacheControls = {
  reads: true,
  writes: true,
  optsIn: false,
  onlyIfCached: false,
  ttlSeconds: undefined,
};

/** Several words may be joined by commas, as in `cache-control`. Throws `invalid_value`, naming the header. */
export function readCacheControls(headers: Readonly<Record<string, Header>>): CacheControls {
  const asked = headers[controlHeader];
  const ttl = headers[ttlHeader];
  if (asked === undefined && ttl === undefined) return plainControls;
  const named = asked === undefined ? [] : readWords(asked);
  const ttlSeconds = ttl === undefined ? undefined : readTtlSeconds(ttl);
  return named.reduce<CacheControls>((controls, word) => ({ ...controls, ...effects[word] }), {
    ...plainControls,
    ttlSeconds,
  });
}

function readWords(header: string | readonly string[]): readonly Word[] {
  const said = String(header)
    .toLowerCase()
    .split(",")
    .map((word) => word.trim());
  const named = words.filter((word) => said.includes(word));
  if (!said.every((word) => named.some((known) => known === word))) {
    throw fault(controlHeader, `must be one of ${words.join(", ")}.`);
  }
  const clash = contradictions.find((pair) => pair.every((word) => named.includes(word)));
  if (clash !== undefined) {
    throw fault(controlHeader, `cannot be both '${clash[0]}' and '${clash[1]}'.`);
  }
  return named;
}

function readTtlSeconds(header: string | readonly string[]): number {
  const text = String(header).trim();
  const seconds = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= 1 && seconds <= cacheTtlSecondsMax) return seconds;
  throw fault(
    ttlHeader,
    `must be a whole number of seconds from 1 to ${cacheTtlSecondsMax}. To keep nothing, send '${controlHeader}: no-store'.`,
  );
}

function fault(header: string, what: string): Failure {
  return new Failure("invalid_value", `The header '${header}' ${what}`, { param: header });
}
