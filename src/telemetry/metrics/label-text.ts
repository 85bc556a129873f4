/** The labels of a series between the braces: `tenant="acme",model="fast"`; empty where there are none. */
export function labelText(names: readonly string[], values: readonly string[]): string {
  return names.map((name, at) => `${name}="${escapeLabel(values[at] ?? "")}"`).join(",");
}

/** Both formats have the same three escapes in the values of labels. Carriage returns stay as they are. */
function escapeLabel(value: string): string {
  return value.replace(/["\\\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`));
}
