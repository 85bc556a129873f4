import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { z } from "zod";

const root = join(import.meta.dirname, "../..");
const output = 64 * 1024 * 1024;
const execute = promisify(execFile);

/** Of an image, what says how it is run. */
export type ImageConfig = z.infer<typeof imageSchema>["Docker"]["config"];

const imageSchema = z.object({
  Docker: z.object({
    config: z.object({
      User: z.string(),
      Env: z.array(z.string()),
      Cmd: z.array(z.string()),
      WorkingDir: z.string(),
      Healthcheck: z.object({ Test: z.array(z.string()) }),
      ExposedPorts: z.record(z.string(), z.unknown()),
      Labels: z.record(z.string(), z.string()),
    }),
  }),
});

export interface Buildah {
  /** Resolves to what it printed. */
  run(...args: readonly string[]): Promise<string>;
  /** The repository's Dockerfile, on `base`. Resolves to the image's name. */
  build(options: { readonly base: string }): Promise<string>;
  configOf(image: string): Promise<ImageConfig>;
  sizeOf(image: string): Promise<string>;
}

/** With images of its own below `scratch`; runs without a daemon, and where containers are not allowed. */
export function openBuildah(scratch: string): Buildah {
  const store = ["--storage-driver", "vfs", "--root", join(scratch, "store")];
  const where = [...store, "--runroot", join(scratch, "run")];
  const run = async (...args: readonly string[]): Promise<string> => {
    const env = { ...process.env, BUILDAH_ISOLATION: "chroot" };
    const { stdout } = await execute("buildah", [...where, ...args], { env, maxBuffer: output });
    return stdout.trim();
  };
  return {
    run,
    build: async ({ base }) => {
      const image = "localhost/sentinel:proof";
      const args = { NODE_IMAGE: base, SENTINEL_COMMIT: proofCommit };
      const given = Object.entries(args).flatMap(([name, value]) => [
        "--build-arg",
        `${name}=${value}`,
      ]);
      // Docker's format: the other one has no health checks.
      await run("bud", "--format", "docker", "--layers=false", ...given, "-t", image, root);
      return image;
    },
    configOf: async (image) => {
      const shown = await run("inspect", "--type", "image", image);
      return imageSchema.parse(JSON.parse(shown)).Docker.config;
    },
    sizeOf: (image) => run("images", "--format", "{{.Size}}", image),
  };
}

export const proofCommit = "0123456789abcdef0123456789abcdef01234567";
