import { cutText } from "../../../lib/cut-text.ts";

/**
 * A text between marks. Nobody who wrote one of the texts can know the nonce: a text cannot end itself and go on as
 * instructions. Of what is too long the beginning and the end are shown, and it is said that something is missing.
 */
export function dataBlock({ name, nonce, charactersMax }: DataMarks, text: string): string {
  const { text: shown, leftOut } = cutText(text, charactersMax);
  const lines = [`<<<${name} ${nonce}>>>`, shown, `<<<END OF ${name} ${nonce}>>>`];
  if (leftOut > 0) lines.push(`(${leftOut} characters in the middle of it are not shown.)`);
  return lines.join("\n");
}

export interface DataMarks {
  readonly name: string;
  readonly nonce: string;
  readonly charactersMax: number;
}
