import { readFile } from "node:fs/promises";
import { dirname, relative } from "node:path";

import type { Plugin } from "esbuild";

/**
 * Tells each of our modules that it is where its source would be: `import.meta.url` of `src/stores/sqlite/open.ts` is that
 * of `dist/stores/sqlite/open.js`, whichever file of the bundle it is in. They are all in `codeFolder`, so one step up
 * is the root.
 */
export function placesKept({
  source,
  codeFolder,
}: {
  readonly source: string;
  readonly codeFolder: string;
}): Plugin {
  const ours = new RegExp(`^${source.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")}/.*\\.ts$`);
  if (codeFolder.includes("/")) throw new Error(`${codeFolder} must be one level deep`);
  return {
    name: "places kept",
    setup: (build) => {
      build.onLoad({ filter: ours }, async ({ path }) => {
        const text = await readFile(path, "utf8");
        if (!text.includes("import.meta.")) return undefined; // As it is.
        const place = `../${relative(source, path).replace(/\.ts$/, ".js")}`;
        return { contents: replacePlaces(text, place), loader: "ts" };
      });
    },
  };
}

/** At once, so that what is put in is not replaced again. Elsewhere than in code our files do not say it. */
function replacePlaces(text: string, place: string): string {
  const urlOf = (path: string): string => `new URL(${JSON.stringify(path)}, import.meta.url)`;
  const toPath = 'process.getBuiltinModule("node:url").fileURLToPath';
  return text.replaceAll(/\bimport\.meta\.(\w+)/g, (written, name: string) => {
    if (name === "url") return `${urlOf(place)}.href`;
    if (name === "dirname") return `${toPath}(${urlOf(dirname(place))})`;
    throw new Error(`${place}: the build does not know what ${written} is to be`);
  });
}
