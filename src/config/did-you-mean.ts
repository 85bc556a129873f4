/** The known name that somebody probably meant, if one is at most two typing errors away. */
export function didYouMean(name: string, known: readonly string[]): string | undefined {
  if (name.length > nameLengthMax) return undefined;
  const ranked = known
    .map((candidate) => ({ candidate, edits: editDistance(name, candidate) }))
    .filter(({ edits }) => edits <= editsMax)
    .sort((left, right) => left.edits - right.edits);
  return ranked[0]?.candidate;
}

const editsMax = 2;
/** Longer names are not compared: the work grows with the square of the length. */
const nameLengthMax = 128;

/** Levenshtein's, upper and lower case being the same letter. */
function editDistance(left: string, right: string): number {
  const [from, to] = [left.toLowerCase(), right.toLowerCase()];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const isSame = from[row - 1] === to[column - 1];
      const replaced = (previous[column - 1] ?? 0) + (isSame ? 0 : 1);
      const inserted = (current[column - 1] ?? 0) + 1;
      const removed = (previous[column] ?? 0) + 1;
      current.push(Math.min(replaced, inserted, removed));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
