import { randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { z } from "zod";

const credentialsSchema = z.object({
  adminToken: z.string().exactOptional(),
  apiKey: z.string().exactOptional(),
});

/** What the first start made, kept so that a newcomer and the CLI find it. Presets are not in it. */
export type Credentials = Readonly<z.infer<typeof credentialsSchema>>;

export function credentialsPath(dataDir: string): string {
  return join(dataDir, "credentials.json");
}

/** `undefined` where there is no such file. Throws a plain error if it is not what Sentinel wrote. */
export async function readCredentials(dataDir: string): Promise<Credentials | undefined> {
  const path = credentialsPath(dataDir);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new Error(`${path} cannot be read. Give Sentinel's user the right to.`, { cause: error });
  }
  try {
    return credentialsSchema.parse(JSON.parse(text));
  } catch (cause) {
    // Not the cause's message: it can quote the file.
    const message = `${path} is not what Sentinel wrote. Repair it, or delete it and set SENTINEL_ADMIN_TOKEN.`;
    throw new Error(message, { cause: cause instanceof z.ZodError ? cause : undefined });
  }
}

/** Whoever reads sees the old file or the new one. Only this user can. */
export async function writeCredentials(dataDir: string, credentials: Credentials): Promise<void> {
  await write(dataDir, credentials, rename);
}

/** Writes them unless there is a file, and resolves to those that hold: of several processes the first wins. */
export async function createCredentials(
  dataDir: string,
  credentials: Credentials,
): Promise<Credentials> {
  try {
    await write(dataDir, credentials, link);
    return credentials;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    return (await readCredentials(dataDir)) ?? credentials;
  }
}

async function write(
  dataDir: string,
  credentials: Credentials,
  put: (unfinished: string, path: string) => Promise<void>,
): Promise<void> {
  const path = credentialsPath(dataDir);
  const unfinished = `${path}.${randomUUID()}`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await using file = await open(unfinished, "wx", 0o600);
    await file.writeFile(`${JSON.stringify(credentials, null, 2)}\n`);
    await file.sync();
    await put(unfinished, path);
  } finally {
    await rm(unfinished, { force: true });
  }
  await using folder = await open(dirname(path), "r");
  await folder.sync();
}

export async function removeCredentials(dataDir: string): Promise<void> {
  await rm(credentialsPath(dataDir), { force: true });
}
