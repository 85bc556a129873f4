import fc from "fast-check";
import { expect, test } from "vitest";

import { ExportFault, parseCsv, readTable } from "../../../src/cli/reconcile/csv.ts";

const quoted = (field: string): string => `"${field.replaceAll('"', '""')}"`;
const isPlain = (field: string): boolean => !/[",;\t\r\n]/.test(field);
const field = fc.string({
  unit: fc.constantFrom("a", "é", '"', ",", ";", "\t", "\r", "\n", " ", "🙂"),
});

test("whatever a table holds comes back as it was written, quoted where it must be or everywhere", () => {
  const tables = fc.array(fc.array(field, { minLength: 1, maxLength: 4 }), { maxLength: 6 });
  const delimiters = fc.constantFrom(",", "\t", ";");
  const endings = fc.constantFrom("\n", "\r\n", "\r");
  fc.assert(
    fc.property(
      tables,
      delimiters,
      endings,
      fc.boolean(),
      fc.boolean(),
      (rows, delimiter, ending, quotesAll, endsOpen) => {
        const write = (text: string): string => (quotesAll || !isPlain(text) ? quoted(text) : text);
        const lines = rows.map((row) => row.map(write).join(delimiter));
        const last = rows.at(-1);
        // A last line that is empty and not ended is no line.
        const isLost = endsOpen && last?.length === 1 && last[0] === "" && !quotesAll;
        const text = lines.join(ending) + (endsOpen || lines.length === 0 ? "" : ending);
        const read = parseCsv(text, delimiter).map(({ fields }) => fields);
        expect(read).toEqual(isLost ? rows.slice(0, -1) : rows);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("any text at all is read or refused with a line, never more", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("a", '"', ",", "\r", "\n"), maxLength: 40 }),
      (text) => {
        try {
          parseCsv(text, ",");
        } catch (error) {
          expect(error).toBeInstanceOf(ExportFault);
          expect((error as Error).message).toMatch(/line \d+$/);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

test.each([
  [
    "a quote in the middle",
    'day,model\n2026-11-01,gp"t\n',
    "has a quote within a field, in line 2",
  ],
  [
    "text behind a quote",
    'day,model\n"2026-11-01"x,gpt\n',
    "has text after a closing quote, in line 2",
  ],
  [
    "a quote that stays open",
    'day,model\n2026-11-01,"gpt\n\n',
    "has a quote that is not closed, from line 2",
  ],
  [
    "too few fields",
    'day,note,model\n"1\n2",x,y\n1,x\n',
    "has 2 fields where its header has 3, in line 4",
  ],
  ["nothing", "\n\n", "is empty"],
])("%s is refused with its place", (_name, text, message) => {
  expect(() => readTable(text)).toThrow(new ExportFault(message));
});

test("the delimiter is the one of the header, a byte order mark and empty lines do not matter", () => {
  const rows = [{ day: "2026-11-01", "model, as billed": "a,b" }];
  expect(readTable('\ufeffday;"model, as billed"\r\n\r\n2026-11-01;a,b\r\n')).toEqual(rows);
  expect(readTable('day\t"model, as billed"\n2026-11-01\ta,b')).toEqual(rows);
});
