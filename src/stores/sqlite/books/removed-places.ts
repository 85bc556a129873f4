import { createHmac, timingSafeEqual } from "node:crypto";

import type { Connection } from "../connection.ts";

/** Places of a writer's chain, one after the other, whose files were removed when their time was over. */
export interface RemovedPlaces {
  readonly writer: string;
  readonly from: number;
  readonly to: number;
  /** What the first names as the hash before it, and the hash of the last. */
  readonly prevHash: string;
  readonly hash: string;
}

export function signRemoved(key: Buffer, places: RemovedPlaces): string {
  const { writer, from, to, prevHash, hash } = places;
  return createHmac("sha256", key)
    .update(`removed\n${writer}\n${from}\n${to}\n${prevHash}\n${hash}`)
    .digest("hex");
}

export function verifyRemoved(key: Buffer, places: RemovedPlaces, signature: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(signature)) return false;
  return timingSafeEqual(Buffer.from(signRemoved(key, places)), Buffer.from(signature));
}

/** In the order of their places. */
export function readRemoved(
  chain: Connection,
  writer: string,
): (RemovedPlaces & { readonly signature: string })[] {
  const sql = "SELECT * FROM removed WHERE writer = ? ORDER BY seq_from";
  return chain.all({ sql, params: [writer] }).map((row) => ({
    writer,
    from: Number(row["seq_from"]),
    to: Number(row["seq_to"]),
    prevHash: String(row["prev_hash"]),
    hash: String(row["hash"]),
    signature: String(row["signature"]),
  }));
}

/** Adds places of one writer, in their order; what then lies side by side becomes one. */
export function addRemoved(
  chain: Connection,
  {
    key,
    writer,
    places,
  }: { readonly key: Buffer; readonly writer: string; readonly places: readonly RemovedPlaces[] },
): void {
  const known = readRemoved(chain, writer).filter((each) =>
    verifyRemoved(key, each, each.signature),
  );
  const all = [...known, ...places].sort((left, right) => left.from - right.from);
  const joined: RemovedPlaces[] = [];
  for (const { from, to, prevHash, hash } of all) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last.to) continue; // Told before: the last try ended before its file was gone.
    if (last !== undefined && from === last.to + 1 && prevHash === last.hash) {
      joined[joined.length - 1] = { ...last, to, hash };
    } else joined.push({ writer, from, to, prevHash, hash });
  }
  chain.run({ sql: "DELETE FROM removed WHERE writer = ?", params: [writer] });
  const sql = "INSERT INTO removed VALUES (?, ?, ?, ?, ?, ?)";
  for (const each of joined) {
    const { from, to, prevHash, hash } = each;
    chain.run({ sql, params: [writer, from, to, prevHash, hash, signRemoved(key, each)] });
  }
}
