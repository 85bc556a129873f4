import { createCipheriv, createDecipheriv, hash, hkdfSync, randomBytes } from "node:crypto";

/** Seals what must not be read from a copy of the database: the credentials of stored providers. */
export interface SecretBox {
  /** `owner` is bound into the seal: moved to another owner, it does not open. */
  seal(owner: string, secret: string): string;
  /** Throws a plain error that tells another master key from damage. Neither has the secret in it. */
  open(owner: string, sealed: string): string;
}

const version = "v1";
const cipher = "aes-256-gcm";
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const keyIdLength = 8;

/**
 * A box for one SENTINEL_MASTER_KEY. A seal is `v1.<key id>.<nonce>.<ciphertext and tag>`, the key id being
 * the beginning of the SHA-256 of the derived key.
 */
export function createSecretBox(masterKey: string): SecretBox {
  const purpose = `sentinel provider credentials ${version}`;
  const key = Buffer.from(hkdfSync("sha256", masterKey, "", purpose, keyBytes));
  const keyId = hash("sha256", key, "hex").slice(0, keyIdLength);
  const boundTo = (owner: string) => Buffer.from(`${version}.${keyId}.${owner}`);

  return {
    seal(owner, secret) {
      const nonce = randomBytes(nonceBytes);
      const sealing = createCipheriv(cipher, key, nonce, { authTagLength: tagBytes });
      sealing.setAAD(boundTo(owner));
      const parts = [sealing.update(secret, "utf8"), sealing.final(), sealing.getAuthTag()];
      const ciphertext = Buffer.concat(parts).toString("base64url");
      return [version, keyId, nonce.toString("base64url"), ciphertext].join(".");
    },
    open(owner, sealed) {
      const { nonce, ciphertext, tag } = unpack(owner, sealed, keyId);
      try {
        const opening = createDecipheriv(cipher, key, nonce, { authTagLength: tagBytes });
        opening.setAAD(boundTo(owner)).setAuthTag(tag);
        return Buffer.concat([opening.update(ciphertext), opening.final()]).toString("utf8");
      } catch (cause) {
        throw damaged(owner, cause);
      }
    },
  };
}

function unpack(owner: string, sealed: string, keyId: string) {
  const [sealVersion, sealKeyId, nonceText, ciphertextText, ...rest] = sealed.split(".");
  if (sealVersion !== version) throw damaged(owner);
  if (nonceText === undefined || ciphertextText === undefined || rest.length > 0) {
    throw damaged(owner);
  }
  if (sealKeyId !== keyId) {
    throw new Error(
      `The credentials of '${owner}' were sealed with another SENTINEL_MASTER_KEY ` +
        `(key id ${sealKeyId ?? "?"}; the one that is set has ${keyId}). Set the former one, or store the credentials again.`,
    );
  }
  const nonce = Buffer.from(nonceText, "base64url");
  const bytes = Buffer.from(ciphertextText, "base64url");
  if (nonce.length !== nonceBytes || bytes.length < tagBytes) throw damaged(owner);
  const tagAt = bytes.length - tagBytes;
  return { nonce, ciphertext: bytes.subarray(0, tagAt), tag: bytes.subarray(tagAt) };
}

function damaged(owner: string, cause?: unknown): Error {
  return new Error(
    `The stored credentials of '${owner}' are damaged or belong to another provider. Store them again.`,
    cause === undefined ? undefined : { cause },
  );
}
