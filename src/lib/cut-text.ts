export interface CutText {
  readonly text: string;
  /** So many characters of its middle are not in it. */
  readonly leftOut: number;
}

/** The beginning and the end of a text that is longer than `charactersMax`, in UTF-16 units. */
export function cutText(text: string, charactersMax: number): CutText {
  if (text.length <= charactersMax) return { text, leftOut: 0 };
  const half = Math.floor(charactersMax / 2);
  const leftOut = text.length - half * 2;
  // Half of a pair of surrogates, where the cut went through one, is no text.
  const shown = `${text.slice(0, half)}\n[…]\n${text.slice(-half)}`.toWellFormed();
  return { text: shown, leftOut };
}
