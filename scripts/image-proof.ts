import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { openBuildah } from "./image-proof/buildah.ts";
import { checkContainer } from "./image-proof/check-container.ts";
import { missingPrograms, programsNeeded } from "./image-proof/programs.ts";
import { Report } from "./image-proof/report.ts";
import { makeStandIn } from "./image-proof/stand-in.ts";

/**
 * `npm run proof:image`: builds the Dockerfile and runs what comes out, on a Linux machine without Docker and without a
 * registry of images. The base is a stand-in made of Debian's packages and the pinned Node; everything else is as it will be:
 * not root, a read-only file system, process 1. Needs root, and takes some minutes and 4 GB below `--scratch`.
 */
const { values } = parseArgs({
  options: {
    scratch: { type: "string" },
    /** A stand-in that an earlier run kept: takes half the time. */
    keep: { type: "boolean", default: false },
  },
});

const missing = missingPrograms();
if (missing.length > 0) {
  console.error(`Missing: ${missing.join(", ")}. The proof needs ${programsNeeded}, and root.`);
  process.exit(1);
}

const scratch = values.scratch ?? (await mkdtemp(join(tmpdir(), "sentinel-image-")));
const report = new Report();
try {
  const buildah = openBuildah(scratch);
  const base = await report.step("stand-in base", () => makeStandIn(buildah, scratch));
  const image = await report.step("image", () => buildah.build({ base }));
  await checkContainer({ buildah, image, scratch, report });
} finally {
  if (!values.keep) await rm(scratch, { recursive: true, force: true });
}
process.exitCode = report.isGood ? 0 : 1;
console.log(report.isGood ? "The image does what it should." : "The image is not right.");
