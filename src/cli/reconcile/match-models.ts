/**
 * Which names of two lists mean the same model. A provider bills the snapshot (`gpt-4o-2024-08-06`) of what was asked
 * for and often reported by its alias (`gpt-4o`): names of one family are put together where both sides do not have
 * the same of them and one is an alias. Two snapshots are never taken for each other.
 */
export function matchModels(
  ours: ReadonlySet<string>,
  theirs: ReadonlySet<string>,
): (model: string) => string {
  const families = Map.groupBy(new Set([...ours, ...theirs]), familyOf);
  const isMerged = new Set(
    [...families].flatMap(([family, names]) => {
      const isDifferent = names.some((name) => ours.has(name) !== theirs.has(name));
      const hasAlias = names.some((name) => name === family || name.endsWith("-latest"));
      return hasAlias && isDifferent ? [family] : [];
    }),
  );
  return (model) => (isMerged.has(familyOf(model)) ? familyOf(model) : model);
}

/** A date or a number of three or four digits at the end: `-2024-08-06`, `-20250929`, `-0613`, `-001`, `@20250929`, `-latest`. */
const snapshot =
  /[-@](?:\d{4}-\d{2}-\d{2}|\d{2}-\d{2}(?:-\d{4})?|\d{2}-\d{4}|\d{8}|\d{6}|\d{3,4}|latest)$/;

export function familyOf(model: string): string {
  const family = model.replace(snapshot, "");
  return family === "" ? model : family;
}
