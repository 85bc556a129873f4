import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

import { expect, test } from "vitest";

/** From the process down to what knows nothing of it. A part may import from the rows below its own. */
const rows: readonly (readonly string[])[] = [
  ["lib", "errors"],
  ["protocol"],
  ["telemetry", "config"],
  ["providers", "tenants"],
  ["pipeline"],
  ["jobs"],
  ["http", "stores", "embedders"],
  [
    "app",
    "wiring",
    "wiring-accounting",
    "wiring-adapters",
    "wiring-cache",
    "wiring-judge-calls",
    "wiring-judge-jobs",
    "wiring-judging",
    "wiring-semantic",
    "wiring-admin",
    "wiring-cli",
    "wiring-metrics",
    "wiring-redis",
    "wiring-retention",
    "wiring-routes",
    "wiring-routing",
    "wiring-stores",
    "wiring-tracing",
    "serve",
    "welcome",
    "pid-file",
    "prepare-process",
    "version",
  ],
  ["main", "worker", "process", "cli"],
];
const rowOf = (file: string): number => rows.findIndex((row) => row.includes(partOf(file)));
const partOf = (file: string): string => file.replace(/\.ts$/, "").split("/")[0] ?? "";

const source = join(import.meta.dirname, "../../src");
const files = globSync("**/*.ts", { cwd: source });
const imports = files.flatMap(importsOf);

interface Import {
  readonly file: string;
  readonly target: string;
  readonly isOfTypes: boolean;
}

/** Everything of our own that a file imports, types included, as paths below `src/`. */
function importsOf(file: string): Import[] {
  const text = readFileSync(join(source, file), "utf8");
  const found = text.matchAll(/^(?:import|export)\b([^"';]*)["'](\.[^"']+)["']/gm);
  return [...found].map(([, what = "", path = ""]) => ({
    file,
    target: relative(source, join(source, dirname(file), path)),
    isOfTypes: what.startsWith(" type"),
  }));
}

const shown = (wrong: readonly Import[]): string[] =>
  wrong.map(({ file, target }) => `${file} imports ${target}`);

test("every part has its row, and every import is of a file that there is", () => {
  expect(files.filter((file) => rowOf(file) === -1)).toEqual([]);
  const unknown = imports.filter(({ target }) => !files.includes(target));
  expect(shown(unknown)).toEqual(["version.ts imports ../package.json"]);
  expect(imports.length).toBeGreaterThan(100);
});

test("imports point down: never up, never across a row", () => {
  const isWrong = (from: string, to: string): boolean =>
    partOf(from) !== partOf(to) && rowOf(to) >= rowOf(from);
  // The eighth row is the process put together: its files are one another's parts.
  const isPutTogether = (from: string, to: string): boolean => rowOf(from) === 7 && rowOf(to) === 7;
  const wrong = imports.filter(
    ({ file, target }) => isWrong(file, target) && !isPutTogether(file, target),
  );
  expect(shown(wrong)).toEqual([]);
});

test("only the wiring knows which store or vendor stands behind a port", () => {
  const isImplementation =
    /^(?:stores|embedders|providers\/(?:openai-compatible|demo|anthropic|google))\//;
  const wrong = imports.filter(({ file, target }) => {
    const folder = isImplementation.exec(target)?.[0];
    return folder !== undefined && !file.startsWith(folder) && !partOf(file).startsWith("wiring");
  });
  expect(shown(wrong)).toEqual([]);
});

test("no file needs itself by way of others before it can run", () => {
  const needed = imports.filter(({ isOfTypes }) => !isOfTypes);
  const targetsOf = Map.groupBy(needed, ({ file }) => file);
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (path.includes(file) || done.has(file)) return;
    for (const { target } of targetsOf.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(cycles).toEqual([]);
});
