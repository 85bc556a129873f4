import { parseArgs } from "node:util";

import { buildSentinel } from "./build/build-sentinel.ts";

/**
 * `npm run build`: what is published and what the image runs, in `dist/`. Plain JavaScript, for a Node that takes no types in
 * `node_modules`. `--out-dir` says where else; `--commit` what `build_info` shows (by default what git says, if that is there).
 */
const { values } = parseArgs({
  options: {
    "out-dir": { type: "string", default: "dist" },
    commit: { type: "string" },
  },
});

const { files, bytes, milliseconds } = await buildSentinel({
  folder: values["out-dir"],
  commit: values.commit,
});
const megabytes = (bytes / 1_000_000).toFixed(1);
console.log(
  `${values["out-dir"]}: ${files} files, ${megabytes} MB, in ${milliseconds.toFixed(0)} ms`,
);
