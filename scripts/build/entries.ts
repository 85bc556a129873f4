import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

/** A file that is started by itself: the process, the command line, or a thread. */
export interface Entry {
  /** Of the source. */
  readonly path: string;
  /** Below `dist/`: `stores/sqlite/worker.js`. */
  readonly place: string;
  /** Its name in the bundle, where all files are on one level: `stores-sqlite-worker`. */
  readonly bundle: string;
}

const programs = ["main.ts", "worker.ts", "cli/main.ts"];

/** The programs, and every thread that a file of `source` starts, found by how our code names them. */
export async function entriesOf(source: string): Promise<readonly Entry[]> {
  const all = await readdir(source, { recursive: true });
  const files = all.filter((name) => name.endsWith(".ts"));
  const threads = await Promise.all(files.map((name) => threadsOf(source, name)));
  const places = [...new Set([...programs, ...threads.flat()])].sort();
  return places.map((name) => {
    const stem = name.replace(/\.ts$/, "");
    return {
      path: join(source, name),
      place: `${stem}.js`,
      bundle: stem.replaceAll("/", "-"),
    };
  });
}

const threadUrl = /new URL\(`([\w-]+)\$\{extname\(import\.meta\.url\)\}`, import\.meta\.url\)/g;

async function threadsOf(source: string, name: string): Promise<string[]> {
  const text = await readFile(join(source, name), "utf8");
  return Array.from(text.matchAll(threadUrl), ([, thread = ""]) =>
    relative(source, join(source, dirname(name), `${thread}.ts`)),
  );
}
