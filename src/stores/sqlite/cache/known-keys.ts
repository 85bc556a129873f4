/**
 * Which keys a file may have, so that nobody asks its thread for one that it has not: a Bloom filter, written by the
 * thread and read by the main thread, in memory that both have. With ten bits a key and seven looks it says "maybe" of
 * 0.8 % of the keys that are not there; "no" is always right. Nothing is ever taken out of it: it is made anew.
 * Runs once per look-up in the store, and once per answer that is written; budget 0.3 µs.
 * (Bloom, "Space/time trade-offs in hash coding with allowable errors", CACM 13 (7), 1970; two hashes are enough:
 * Kirsch and Mitzenmacher, "Less hashing, same performance", ESA 2006)
 */
export class KnownKeys {
  readonly memory: SharedArrayBuffer;
  readonly #words: Uint32Array;
  readonly #bits: number;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#words = new Uint32Array(memory);
    this.#bits = this.#words.length * 32;
  }

  /** With room for so many keys, or for as many as it ever has. */
  static withRoomFor(keyCount: number): KnownKeys {
    const bytes = Math.ceil((keyCount * bitsPerKey) / 32) * 4;
    return new KnownKeys(new SharedArrayBuffer(Math.max(4, Math.min(bytes, bytesMax))));
  }

  add(tenantId: string, key: string): void {
    let at = hashOf(tenantId, key, firstSeed);
    const step = hashOf(tenantId, key, secondSeed) | 1;
    for (let look = 0; look < looks; look++) {
      const bit = at % this.#bits;
      const word = bit >>> 5;
      this.#words[word] = (this.#words[word] ?? 0) | (1 << (bit & 31));
      at = (at + step) >>> 0;
    }
  }

  mayHave(tenantId: string, key: string): boolean {
    let at = hashOf(tenantId, key, firstSeed);
    const step = hashOf(tenantId, key, secondSeed) | 1;
    for (let look = 0; look < looks; look++) {
      const bit = at % this.#bits;
      if (((this.#words[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
      at = (at + step) >>> 0;
    }
    return true;
  }
}

const bitsPerKey = 10;
const looks = 7;
/** Room for 6.7 million keys; with more of them it says "maybe" more often. */
const bytesMax = 8 * 1024 * 1024;

const firstSeed = 0x811c_9dc5;
const secondSeed = 0x9747_b28c;

/** FNV-1a over UTF-16 units, and MurmurHash3's last step, which spreads each bit over all of them. */
function hashOf(tenantId: string, key: string, seed: number): number {
  let hash = mixed(mixed(seed, tenantId) ^ 10, key);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function mixed(seed: number, text: string): number {
  let hash = seed;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x0100_0193);
  }
  return hash;
}
