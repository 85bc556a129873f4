import { execFileSync } from "node:child_process";
import { copyFile, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { build } from "esbuild";
import type { BuildOptions } from "esbuild";

import { entriesOf } from "./entries.ts";
import type { Entry } from "./entries.ts";
import { placesKept } from "./keep-places.ts";
import { licencesOf } from "./licences.ts";
import { copyVocabularies } from "./vocabularies.ts";

export interface BuildResult {
  readonly files: number;
  readonly bytes: number;
  readonly milliseconds: number;
}

/** Where the bundled code is, inside the folder: all of it on one level, which `keep-places.ts` relies on. */
const codeFolder = "code";
const root = join(import.meta.dirname, "../..");

/**
 * Bundles Sentinel into `folder`, which is made anew. Code of ours finds its threads, migrations and Lua scripts beside
 * itself, so the folder looks like `src/` to it: each entry is a file of one line, at its source's place, that loads its
 * part of the bundle, and what is no TypeScript is copied to the same place.
 */
export async function buildSentinel({
  folder,
  commit = commitOfGit(),
}: {
  readonly folder: string;
  readonly commit?: string | undefined;
}): Promise<BuildResult> {
  const begin = performance.now();
  const target = resolve(folder);
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  const source = join(root, "src");
  const entries = await entriesOf(source);
  const { metafile } = await build(optionsOf({ source, target, entries, commit }));
  await Promise.all(entries.map((entry) => writeDoor(target, entry)));
  await copyAssets(source, target);
  await copyVocabularies(root, target);
  await writeFile(join(target, "THIRD-PARTY-LICENCES.txt"), await licencesOf(metafile, root));
  await writeFile(join(target, "package.json"), '{ "type": "module" }\n');
  return { ...(await sizeOf(target)), milliseconds: performance.now() - begin };
}

function optionsOf({
  source,
  target,
  entries,
  commit,
}: {
  readonly source: string;
  readonly target: string;
  readonly entries: readonly Entry[];
  readonly commit: string | undefined;
}) {
  return {
    absWorkingDir: root,
    entryPoints: entries.map(({ path, bundle }) => ({ in: path, out: bundle })),
    outdir: join(target, codeFolder),
    bundle: true,
    // What is imported lazily stays in files of its own, and what two entries share is there once.
    splitting: true,
    chunkNames: "[name]-[hash]",
    format: "esm",
    platform: "node",
    target: "node26",
    // ES modules where a package has both: of those only what is used gets in.
    mainFields: ["module", "main"],
    // Names and lines stay, so that a stack says where it was without a source map.
    minify: false,
    sourcemap: "linked",
    // The sources are in the repository, at the commit of `build_info`.
    sourcesContent: false,
    legalComments: "none",
    // CommonJS packages ask for Node's modules with `require`.
    banner: { js: requireInModules },
    define: { sentinelBuildCommit: commit === undefined ? "undefined" : JSON.stringify(commit) },
    plugins: [placesKept({ source, codeFolder })],
    // Optional, and looked for by us at run time only.
    external: ["onnxruntime-node", "@huggingface/tokenizers"],
    metafile: true,
    logLevel: "warning",
  } as const satisfies BuildOptions;
}

const requireInModules =
  'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);';

/** The file at the source's place: `dist/main.js`, `dist/stores/sqlite/worker.js`. */
async function writeDoor(target: string, { place, bundle }: Entry): Promise<void> {
  const path = join(target, place);
  await mkdir(dirname(path), { recursive: true });
  const up = "../".repeat(place.split("/").length - 1);
  await writeFile(path, `import "${up === "" ? "./" : up}${codeFolder}/${bundle}.js";\n`);
}

async function copyAssets(source: string, target: string): Promise<void> {
  const assets = (await filesBelow(source)).filter((name) => !name.endsWith(".ts"));
  await Promise.all(
    assets.map(async (name) => {
      await mkdir(dirname(join(target, name)), { recursive: true });
      await copyFile(join(source, name), join(target, name));
    }),
  );
}

async function sizeOf(folder: string): Promise<{ files: number; bytes: number }> {
  const names = await filesBelow(folder);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return { files: names.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

async function filesBelow(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(resolve(folder).length + 1));
}

/** Undefined outside of a repository, as in an image's build: there it is given. */
function commitOfGit(): string | undefined {
  try {
    const printed = execFileSync("git", ["rev-parse", "HEAD"], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    return printed.trim();
  } catch {
    return undefined; // No git, or no repository: `build_info` says "unknown".
  }
}
