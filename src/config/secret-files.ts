import { closeSync, openSync, readSync } from "node:fs";

import type { Environment } from "./stray-variables.ts";

export interface FilledEnvironment {
  /** With the files' contents as the variables' values, and without the variables that name files. */
  readonly environment: Environment;
  readonly problems: readonly string[];
}

/**
 * For each of `names` that has its value in a file, as `OPENAI_API_KEY_FILE=/run/secrets/openai_api_key` says: Docker and
 * Kubernetes hand secrets over as files, which neither child processes nor `docker inspect` show. Waits for the disk:
 * it is asked at the start and at a reload only.
 */
export function withSecretFiles(given: Environment, names: readonly string[]): FilledEnvironment {
  const environment: Record<string, string | undefined> = { ...given };
  const problems: string[] = [];
  for (const name of new Set(names)) {
    const path = given[fileVariable(name)]?.trim() ?? "";
    environment[fileVariable(name)] = undefined;
    if (path === "") continue;
    const secret = (given[name]?.trim() ?? "") === "" ? readSecret(path) : bothSet;
    if (secret.kind === "read") environment[name] = secret.text;
    else problems.push(`${fileVariable(name)} ${secret.problem(name, path)}`);
  }
  return { environment, problems };
}

export const fileVariable = (name: string): string => `${name}_FILE`;

/** The variables that a configuration file uses as `${NAME}`, found before it is parsed. */
export function namesUsed(text: string): readonly string[] {
  return Array.from(text.matchAll(/\$\{([A-Za-z_]\w*)\}/g), ([, name = ""]) => name);
}

type Secret =
  | { readonly kind: "read"; readonly text: string }
  | { readonly kind: "refused"; readonly problem: (name: string, path: string) => string };

const bothSet: Secret = {
  kind: "refused",
  problem: (name) => `and ${name} are both set. Leave one of them out.`,
};

const refused = (what: string): Secret => ({
  kind: "refused",
  problem: (name, path) =>
    `names ${path}, which ${what}. Put the value of ${name} into it, or leave ${fileVariable(name)} out.`,
});

/** A path like `/dev/zero` does no harm. */
const secretBytesMax = 65_536;

function readSecret(path: string): Secret {
  try {
    const bytes = readAtMost(path, secretBytesMax + 1);
    if (bytes.length > secretBytesMax) return refused(`is larger than ${secretBytesMax} bytes`);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r?\n$/, "");
    return text.trim() === "" ? refused("is empty") : { kind: "read", text };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    if (code === undefined) throw error;
    return refused(readFaults[code] ?? `cannot be read (${code})`);
  }
}

const readFaults: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EISDIR: "is a directory, not a file",
  EACCES: "may not be read by the user who runs Sentinel",
  ERR_ENCODING_INVALID_ENCODED_DATA: "is not UTF-8 text",
};

function readAtMost(path: string, bytesMax: number): Uint8Array {
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(bytesMax);
    let length = 0;
    while (length < bytesMax) {
      const read = readSync(file, bytes, length, bytesMax - length, null);
      if (read === 0) break;
      length += read;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}
