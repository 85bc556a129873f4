import { hash, randomBytes, timingSafeEqual } from "node:crypto";

/** A key as it is shown, once, to whoever made it. */
export interface MintedKey {
  readonly key: string;
  /** The public part: names the key in the admin API, in logs and in records. */
  readonly id: string;
}

const prefix = "sk-sentinel-";
const idBytes = 8;
const secretBytes = 24;

/** No key is longer; a longer token is refused without a look-up. */
export const tokenLengthMax = 256;

/** A new API key, `sk-sentinel-<id>-<secret>`. The secret has 192 random bits. */
export function mintKey(): MintedKey {
  const id = mintKeyId();
  return { key: `${prefix}${id}-${randomBytes(secretBytes).toString("hex")}`, id };
}

/** A new public id, also for keys that someone else chose. */
export function mintKeyId(): string {
  return randomBytes(idBytes).toString("hex");
}

/** A new platform admin token. */
export function mintAdminToken(): string {
  return `sentinel-admin-${randomBytes(secretBytes).toString("hex")}`;
}

const mintedShape = new RegExp(
  `^${prefix}([0-9a-f]{${idBytes * 2}})-([0-9a-f]{${secretBytes * 2}})$`,
);

/** The parts of a key that `mintKey` could have made. Preset keys need not look like that. */
export function parseKey(
  key: string,
): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = mintedShape.exec(key) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** Whether a token could be a key at all: printable ASCII without spaces, and not too long. */
export function isPresentable(token: string): boolean {
  return token.length <= tokenLengthMax && /^[\x21-\x7e]+$/.test(token);
}

/** What is stored and looked up instead of a key: its SHA-256 in hex. */
export function hashToken(token: string): string {
  return hash("sha256", token, "hex");
}

/** Takes as long for a near miss as for a far one. */
export function isSameHash(hashes: {
  readonly presented: string;
  readonly stored: string;
}): boolean {
  const presented = Buffer.from(hashes.presented);
  const stored = Buffer.from(hashes.stored);
  return presented.length === stored.length && timingSafeEqual(presented, stored);
}

/** Below this length the last four characters would be too much of a secret. */
const showsEndFrom = 16;

/** What may be shown of a secret: how it begins if that is public, and its last four characters. */
export function maskSecret(secret: string): string {
  const id = parseKey(secret)?.id;
  if (id !== undefined) return `${prefix}${id}-…${secret.slice(-4)}`;
  const beginning = secret.startsWith("sk-") ? "sk-" : "";
  return secret.length < showsEndFrom ? `${beginning}…` : `${beginning}…${secret.slice(-4)}`;
}
