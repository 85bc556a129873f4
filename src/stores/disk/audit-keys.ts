import { hkdfSync, randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { Lru } from "../../lib/lru.ts";
import { syncFolder } from "./disk-sync.ts";
import { isErrorCode } from "./journal-files.ts";

/** The secrets of the audit log: whoever has them can forge it, and test guesses of prompts. */
export interface AuditKeys {
  readonly chainKey: Buffer;
  /**
   * Of the key file, where SENTINEL_MASTER_KEY has taken its place since: what was written before verifies by it.
   */
  readonly formerChainKey: Buffer | undefined;
  /** For HMACs of prompts: a tenant's own, so that equal prompts of two tenants do not look equal. */
  promptKeyOf(tenantId: string): Buffer;
}

const keyBytes = 32;
/** Derived again, in 10 µs, for a tenant that was forgotten. */
const promptKeysMax = 10_000;

export function auditKeyPath(dataDir: string): string {
  return join(dataDir, "audit.key");
}

/**
 * From SENTINEL_MASTER_KEY; otherwise from a key file in the data directory, made at the first start, which only
 * this user can read. Processes that start at the same time get the same.
 */
export async function openAuditKeys(
  dataDir: string,
  masterKey: string | undefined,
): Promise<AuditKeys> {
  const path = auditKeyPath(dataDir);
  if (masterKey === undefined) {
    return keysOf((await readKey(path)) ?? (await makeKey(dataDir, path)), undefined);
  }
  return keysOf(Buffer.from(masterKey), await readKey(path));
}

function keysOf(secret: Buffer, formerSecret: Buffer | undefined): AuditKeys {
  const promptKeys = new Lru<string, Buffer>(promptKeysMax);
  return {
    chainKey: chainKeyOf(secret),
    formerChainKey: formerSecret && chainKeyOf(formerSecret),
    promptKeyOf(tenantId) {
      const known = promptKeys.get(tenantId);
      if (known !== undefined) return known;
      const key = derive(secret, `sentinel prompt hash v1\n${tenantId}`);
      promptKeys.set(tenantId, key);
      return key;
    },
  };
}

const chainKeyOf = (secret: Buffer): Buffer => derive(secret, "sentinel audit chain v1");

function derive(secret: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "", purpose, keyBytes));
}

async function readKey(path: string): Promise<Buffer | undefined> {
  let text: string;
  try {
    text = (await readFile(path, "utf8")).trim();
  } catch (error) {
    if (isErrorCode(error, "ENOENT")) return undefined;
    throw new Error(`${path} cannot be read. Give Sentinel's user the right to.`, { cause: error });
  }
  if (/^[0-9a-f]{64}$/.test(text)) return Buffer.from(text, "hex");
  throw new Error(
    `${path} is not what Sentinel wrote. Restore it from a backup; without it the audit log so far cannot be verified. ` +
      "To begin a new chain, delete it.",
  );
}

/** Whoever reads sees no file or the whole. The first that makes it wins. */
async function makeKey(dataDir: string, path: string): Promise<Buffer> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const unfinished = `${path}.${randomUUID()}`;
  const made = randomBytes(keyBytes);
  try {
    {
      await using file = await open(unfinished, "wx", 0o600);
      await file.writeFile(`${made.toString("hex")}\n`);
      await file.sync();
    }
    await link(unfinished, path);
    await syncFolder(dataDir);
    return made;
  } catch (error) {
    const others = isErrorCode(error, "EEXIST") ? await readKey(path) : undefined;
    if (others === undefined) throw error;
    return others;
  } finally {
    await rm(unfinished, { force: true });
  }
}
