/** Items that belong together, by the ids that their file gave them. */
export interface Group<Item> {
  readonly name: string;
  readonly items: readonly Item[];
}

/** At more the ids are no groups, and all of them are left out but the whole. */
export const groupsMax = 200;

/**
 * All of them, and below that what their ids say before `#`: of `LLMBar/Natural#7` the groups are LLMBar and
 * LLMBar/Natural. One that has but one group in it is left out: the longer name says more.
 */
export function groupsOf<Item extends { readonly id: string }>(
  items: readonly Item[],
): readonly Group<Item>[] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    for (const name of prefixesOf(item.id)) {
      const group = groups.get(name);
      if (group === undefined) groups.set(name, [item]);
      else group.push(item);
    }
  }
  const all = { name: "all", items };
  if (groups.size > groupsMax) return [all];
  const isSame = (name: string, count: number): boolean =>
    [...groups].some(([other, { length }]) => other.startsWith(`${name}/`) && length === count);
  const kept = [...groups]
    .filter(([name, { length }]) => !isSame(name, length))
    .map(([name, members]) => ({ name, items: members }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return [all, ...kept];
}

function prefixesOf(id: string): readonly string[] {
  const end = id.indexOf("#");
  if (end <= 0) return [];
  const parts = id.slice(0, end).split("/");
  return parts.map((_, depth) => parts.slice(0, depth + 1).join("/"));
}
