import { execFile } from "node:child_process";
import { copyFile, cp, mkdir, realpath, rm, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import type { Buildah } from "./buildah.ts";

const execute = promisify(execFile);
const name = "localhost/node-stand-in:trixie";
const mirror = "http://deb.debian.org/debian";
const certificates = "/etc/ssl/certs/ca-certificates.crt";

/**
 * In place of `node:26.10.0-trixie-slim`: the same Debian, and the Node that runs this script, with npm. Resolves to its name.
 * One that is in `scratch` already is taken as it is.
 */
export async function makeStandIn(buildah: Buildah, scratch: string): Promise<string> {
  const known = await buildah.run("images", "--noheading", "--format", "{{.Name}}:{{.Tag}}");
  if (known.split("\n").includes(name)) return name;
  const folder = join(scratch, "base");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  // Node's own library, and what npm needs to believe a registry.
  const packages = "--include=ca-certificates,libatomic1";
  await execute("debootstrap", ["--variant=minbase", packages, "trixie", folder, mirror], {
    env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
    maxBuffer: 64 * 1024 * 1024,
  });
  for (const unneeded of ["var/cache/apt/archives", "var/lib/apt/lists"]) {
    await rm(join(folder, unneeded), { recursive: true, force: true });
  }
  await addNode(folder);
  const container = await buildah.run("from", "scratch");
  await buildah.run("add", "-q", container, folder, "/");
  const paths = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  await buildah.run("config", "--env", paths, "--cmd", "node", container);
  if (await addCertificates(folder)) {
    await buildah.run("copy", "-q", container, join(folder, certificates), certificates);
    await buildah.run("config", "--env", `NODE_EXTRA_CA_CERTS=${certificates}`, container);
  }
  await buildah.run("commit", "-q", "--rm", container, name);
  await rm(folder, { recursive: true, force: true });
  return name;
}

async function addNode(folder: string): Promise<void> {
  const bin = join(folder, "usr/local/bin");
  await copyFile(process.execPath, join(bin, "node"));
  const { stdout } = await execute("sh", ["-c", "command -v npm"]);
  // …/npm/bin/npm-cli.js
  const npm = dirname(dirname(await realpath(stdout.trim())));
  await cp(npm, join(folder, "usr/local/lib/node_modules/npm"), { recursive: true });
  for (const program of ["npm", "npx"]) {
    await symlink(`../lib/node_modules/npm/bin/${program}-cli.js`, join(bin, program));
  }
}

/** Where this machine trusts more than Debian does, as behind a company's proxy, the build has to as well. */
async function addCertificates(folder: string): Promise<boolean> {
  const given = process.env["NODE_EXTRA_CA_CERTS"];
  if (given === undefined || !(await stat(given)).isFile()) return false;
  await copyFile(given, join(folder, certificates));
  return true;
}
