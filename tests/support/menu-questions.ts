/** Questions of which each can be asked in two ways that mean the same: both have one normal form. */
export const plainly = (index: number): string => `How do I open the ${nameOf(index)} menu?`;
export const politely = (index: number): string => `please, how do I open ${nameOf(index)} menu`;

/** Letters alone: a number would be the guards'. */
const nameOf = (index: number): string =>
  Array.from(String(index).padStart(3, "0"), (digit) => "bdfgklmnrs"[Number(digit)] ?? "").join(
    "a",
  );
