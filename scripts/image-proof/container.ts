import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chown, mkdir, readFile } from "node:fs/promises";
import { promisify } from "node:util";

import type { ImageConfig } from "./buildah.ts";

const execute = promisify(execFile);

export interface ContainerOptions {
  /** Where the image's files are. */
  readonly root: string;
  readonly config: ImageConfig;
  /** Becomes the volume `/data`. */
  readonly dataDir: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The image's command as a container engine runs it with `--read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges`. */
export interface Container extends AsyncDisposable {
  /** Of its process 1, as this machine counts. */
  pid(): Promise<number>;
  readonly printed: () => string;
  readonly ended: Promise<number | null>;
  kill(signal: NodeJS.Signals): Promise<void>;
  /** As `docker exec`: resolves to what it printed, rejects if its exit code is not 0. */
  exec(...command: readonly string[]): Promise<string>;
  /** As `docker exec --user 0`. */
  execAsRoot(...command: readonly string[]): Promise<string>;
}

/** In its own processes and mounts; the network is the machine's. */
const prepare = `
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs -o size=64m,mode=1777 tmpfs "$1/tmp"
mount --bind "$2" "$1/data"
mount -o remount,bind,ro "$1"
exec setpriv --no-new-privs chroot --userspec="$3" "$1" sh -c 'cd "$0" && exec "$@"' "$4" `;

export async function startContainer(options: ContainerOptions): Promise<Container> {
  const { root, config, dataDir, env = {} } = options;
  const [uid = "", gid = ""] = config.User.split(":");
  await mkdir(dataDir, { recursive: true });
  await chown(dataDir, Number(uid), Number(gid));
  const parts = [root, dataDir, config.User, config.WorkingDir];
  const script = `${prepare} ${config.Cmd.map((_, index) => `"\${${index + 5}}"`).join(" ")}`;
  const child = spawn(
    "/usr/bin/unshare",
    ["--mount", "--pid", "--fork", "sh", "-ec", script, "sh", ...parts].concat(config.Cmd),
    {
      env: { ...variablesOf(config), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => (text += part));
  }
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const enter = async (user: string, command: readonly string[]): Promise<string> => {
    const target = ["--target", String(await firstProcessOf(child)), "--mount", "--pid"];
    const as = user.split(":").flatMap((id, index) => [index === 0 ? "-S" : "-G", id]);
    const place = ["--root", "--wd", ...as];
    const variables = { env: { ...variablesOf(config), ...env } };
    const { stdout } = await execute("nsenter", [...target, ...place, "--", ...command], variables);
    return stdout;
  };
  return {
    pid: () => firstProcessOf(child),
    printed: () => text,
    ended,
    kill: async (signal) => {
      process.kill(await firstProcessOf(child), signal);
    },
    exec: (...command) => enter(config.User, command),
    execAsRoot: (...command) => enter("0:0", command),
    [Symbol.asyncDispose]: async () => {
      // Its parent's end does not end it: it has become another user since.
      if (child.exitCode === null) process.kill(await firstProcessOf(child), "SIGKILL");
      await ended;
    },
  };
}

const variablesOf = ({ Env }: ImageConfig): Record<string, string> =>
  Object.fromEntries(
    Env.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );

async function firstProcessOf({ pid = 0 }: ChildProcess): Promise<number> {
  for (;;) {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
    if (children.trim() !== "") return Number(children.trim().split(" ")[0]);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
