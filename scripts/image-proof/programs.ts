import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const packages: Readonly<Record<string, string>> = {
  buildah: "buildah",
  debootstrap: "debootstrap",
  unshare: "util-linux",
  nsenter: "util-linux",
  setpriv: "util-linux",
  npm: "npm",
};

export const programsNeeded = Object.keys(packages).join(", ");

/** As `buildah (apt-get install buildah)`. */
export function missingPrograms(): readonly string[] {
  const missing = Object.entries(packages)
    .filter(([program]) => !isThere(program))
    .map(([program, name]) => `${program} (apt-get install ${name})`);
  return process.getuid?.() === 0 ? missing : [...missing, "root (sudo)"];
}

function isThere(program: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false; // Not in this folder.
    }
  });
}
