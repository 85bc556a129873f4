import { LineCounter, isMap, isNode, isScalar, isSeq, parseDocument } from "yaml";
import type { Document, YAMLError } from "yaml";

export type ParsedYaml =
  | { readonly kind: "parsed"; readonly value: unknown; readonly lineOf: LineOf }
  | { readonly kind: "broken"; readonly problems: readonly string[] };

/** The line of the field at this path, or of the nearest one around it that is written out. */
export type LineOf = (path: readonly PropertyKey[]) => number | undefined;

/** One YAML document as plain data. Problems begin with line and column, and quote no values. */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false, // they quote the line, which may hold a secret
    stringKeys: true,
    merge: true,
    resolveKnownTags: false,
  });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) return { kind: "broken", problems: firstOfEachLine(faults, text, lines) };
  try {
    const value: unknown = document.toJS({ maxAliasCount: aliasesMax });
    return { kind: "parsed", value, lineOf: (path) => lineAt(path, document, lines) };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    return { kind: "broken", problems: [aliasProblem] }; // that is how the library says it
  }
}

/** Aliases of aliases can make a small file large. */
const aliasesMax = 100;
const aliasProblem = `somewhere: an alias has no anchor before it, or aliases stand for too much (${aliasesMax} copies are allowed).`;

/** One mistake brings others on its line, and may bring many below. */
function firstOfEachLine(faults: readonly YAMLError[], text: string, lines: LineCounter): string[] {
  const said = new Map<number, string>();
  for (const { code, message, pos } of faults.slice(0, faultsMax)) {
    const { line, col } = lines.linePos(pos[0]);
    if (said.has(line)) continue;
    const needsQuotes = /[\s[,]\$\{/.test(text.split("\n", line)[line - 1] ?? "");
    const hint = needsQuotes ? '; put "${NAME}" in quotes' : "";
    const fault = sentences[code] ?? withoutQuotation(message);
    said.set(line, `line ${line}, column ${col}: ${fault}${hint}.`);
  }
  return [...said.values()];
}

const faultsMax = 20;

/** Where the library's words do not say what to do. */
const sentences: Partial<Record<YAMLError["code"], string>> = {
  DUPLICATE_KEY: "this name was there before, in the same place; keep one of the two",
  MULTIPLE_DOCS: "a second document begins here; write everything into one",
  TAB_AS_INDENT: "tabs are not allowed as indentation; use spaces",
  BLOCK_AS_IMPLICIT_KEY: "there is a second colon on the line; put text with a colon in quotes",
  NON_STRING_KEY: "names must be plain text",
};

const withoutQuotation = (message: string) => message.replace(/:? ?".*$/s, "");

function lineAt(
  path: readonly PropertyKey[],
  document: Document.Parsed,
  lines: LineCounter,
): number | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const parent =
      length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const offset = offsetIn(parent, path[length - 1]);
    if (offset !== undefined) return lines.linePos(offset).line;
  }
  return undefined;
}

/** Where an entry begins: a field with its name, since its value may stand on the next line. */
function offsetIn(parent: unknown, part: PropertyKey | undefined): number | undefined {
  if (isMap(parent)) {
    const key = parent.items
      .map((pair) => pair.key)
      .find((name) => isScalar(name) && name.value === part);
    return isNode(key) ? key.range?.[0] : undefined;
  }
  const entry: unknown = isSeq(parent) && typeof part === "number" ? parent.items[part] : undefined;
  return isNode(entry) ? entry.range?.[0] : undefined;
}
