import type { Word } from "./words.ts";

/**
 * Whether one word was replaced, added or left out and all others are the same in the same order: "a leather sofa"
 * against "a sofa", Austria against Australia. Who says the same in other words seldom changes just one; who asks for
 * another thing does.
 */
export function isOneWordApart(asked: readonly Word[], cached: readonly Word[]): boolean {
  const one = asked.filter(isSaid);
  const other = cached.filter(isSaid);
  const shorter = Math.min(one.length, other.length);
  let start = 0;
  while (start < shorter && one[start]?.lower === other[start]?.lower) start++;
  let end = 0;
  while (end < shorter - start && one.at(-1 - end)?.lower === other.at(-1 - end)?.lower) end++;
  return one.length - start - end <= 1 && other.length - start - end <= 1;
}

const isSaid = ({ kind }: Word): boolean => kind !== "mark";
