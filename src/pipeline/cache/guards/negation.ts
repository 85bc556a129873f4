import type { Word } from "./words.ts";

const explicit = new Set(
  "not no never none nobody nothing nowhere neither nor without except excluding besides hardly barely cannot".split(
    " ",
  ),
);
/** Words which say "not" without saying it: "it failed" is "it did not work". */
const implied = new Set(["fail", "unarrived"]);
/** They leave something out, which is not the same as denying. */
const leavingOut = new Set(["without", "except", "excluding", "besides"]);

export interface Negation {
  readonly count: number;
  readonly implied: number;
  readonly leavesOut: boolean;
  /** The roots of what is denied: the next word that carries something. */
  readonly denied: ReadonlySet<string>;
  readonly roots: ReadonlySet<string>;
}

export function readNegation(words: readonly Word[]): Negation {
  const denied = new Set<string>();
  let count = 0;
  for (const at of words.keys()) {
    if (!isDenying(words, at)) continue;
    count++;
    const target = words
      .slice(at + 1)
      .find(({ kind, isFunction }) => kind === "word" && !isFunction);
    if (target !== undefined) denied.add(target.root);
  }
  return {
    count,
    implied: words.filter(({ concept }) => implied.has(concept)).length,
    leavesOut: words.some(({ lower }) => leavingOut.has(lower)),
    denied,
    roots: new Set(words.flatMap(({ root, isFunction }) => (isFunction ? [] : [root]))),
  };
}

/** "No. 5" counts, it does not deny; "sugar-free" denies. */
function isDenying(words: readonly Word[], at: number): boolean {
  const lower = words[at]?.lower ?? "";
  if (lower === "free") return words[at - 1]?.lower === "-";
  if (lower === "no" && words[at + 1]?.lower === ".") return words[at + 2]?.kind !== "number";
  return explicit.has(lower);
}

export function negationDiffers(asked: Negation, cached: Negation): boolean {
  if (asked.leavesOut !== cached.leavesOut) return true;
  if (asked.implied > 0 && cached.implied > 0) return asked.count > 0 !== cached.count > 0;
  if (asked.count + asked.implied > 0 !== cached.count + cached.implied > 0) return true;
  return deniesWhatStands(asked, cached) && deniesWhatStands(cached, asked);
}

/** One denies a word that the other has and does not deny. */
function deniesWhatStands(one: Negation, other: Negation): boolean {
  for (const root of one.denied) if (other.roots.has(root) && !other.denied.has(root)) return true;
  return false;
}
