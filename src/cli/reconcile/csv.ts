/** What is wrong with a file, in words that follow "The export": "has …, in line 3". */
export class ExportFault extends Error {
  override readonly name = "ExportFault";
}

/** A table with a header, as objects by the header's names. Empty lines are left out. */
export function readTable(text: string): readonly Readonly<Record<string, string>>[] {
  const plain = text.replace(/^\ufeff/, "");
  const [header, ...rows] = parseCsv(plain, delimiterOf(plain)).filter(
    ({ fields }) => !isBlank(fields),
  );
  if (header === undefined) throw new ExportFault("is empty");
  const names = header.fields.map((name) => name.trim());
  return rows.map(({ fields, line }) => {
    if (fields.length !== names.length) {
      const have = `has ${fields.length} fields where its header has ${names.length}`;
      throw new ExportFault(`${have}, in line ${line}`);
    }
    return Object.fromEntries(names.map((name, at) => [name, fields[at] ?? ""]));
  });
}

export interface CsvRow {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * RFC 4180, strictly: fields in quotes may hold delimiters, line breaks and doubled quotes; a quote anywhere else is
 * a fault. Lines end in LF, CRLF or CR. Throws `ExportFault`.
 */
export function parseCsv(text: string, delimiter: string): readonly CsvRow[] {
  const rows: CsvRow[] = [];
  let [at, line] = [0, 1];
  while (at < text.length) {
    const fields: string[] = [];
    const begins = line;
    for (;;) {
      const field =
        text[at] === '"' ? quotedField(text, at, line) : plainField(text, at, delimiter, line);
      fields.push(field.value);
      ({ at, line } = field);
      if (text[at] !== delimiter) break;
      at += 1;
    }
    rows.push({ line: begins, fields });
    if (at >= text.length) break;
    const ending = text.startsWith("\r\n", at) ? 2 : 1;
    if (text[at] !== "\r" && text[at] !== "\n") {
      throw new ExportFault(`has text after a closing quote, in line ${line}`);
    }
    at += ending;
    line += 1;
  }
  return rows;
}

interface Field {
  readonly value: string;
  /** Of what follows it. */
  readonly at: number;
  readonly line: number;
}

function quotedField(text: string, start: number, line: number): Field {
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote === -1) throw new ExportFault(`has a quote that is not closed, from line ${line}`);
    at = quote + 2;
    if (text[quote + 1] !== '"') {
      const value = text.slice(start + 1, quote).replaceAll('""', '"');
      const breaks = value.match(/\r\n|\r|\n/g)?.length ?? 0;
      return { value, at: quote + 1, line: line + breaks };
    }
  }
}

function plainField(text: string, start: number, delimiter: string, line: number): Field {
  let at = start;
  for (; at < text.length; at++) {
    const character = text[at];
    if (character === delimiter || character === "\n" || character === "\r") break;
    if (character === '"') throw new ExportFault(`has a quote within a field, in line ${line}`);
  }
  return { value: text.slice(start, at), at, line };
}

const isBlank = (fields: readonly string[]): boolean => fields.length === 1 && fields[0] === "";

/** The one of commas, tabs and semicolons that the header has most of. */
function delimiterOf(text: string): string {
  const header = (/^[^\r\n]*/.exec(text)?.[0] ?? "").replaceAll(/"[^"]*"/g, "");
  const counted = [",", "\t", ";"].map((delimiter) => ({
    delimiter,
    count: header.split(delimiter).length,
  }));
  return counted.reduce((best, next) => (next.count > best.count ? next : best)).delimiter;
}
