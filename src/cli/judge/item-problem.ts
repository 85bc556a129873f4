/** What is wrong with a line, as the end of a sentence about it. */
export class ItemProblem extends Error {
  override readonly name = "ItemProblem";
}
