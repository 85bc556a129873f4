import type { StoredAnswer } from "../../../pipeline/cache/cache-store.ts";
import type { SemanticEntry } from "../../../pipeline/cache/semantic-store.ts";
import { aliasOf, begunEpochMs } from "../../answers/purge-times.ts";
import { purgeFields, requestPart } from "../cache/keys.ts";
import type { RedisConnection } from "../open.ts";
import { readScript } from "../script.ts";
import { answerLine, semanticKeys } from "./keys.ts";

const lua = (name: string): URL => new URL(name, import.meta.url);
export const putScript = readScript(lua("put-entry.lua"), [lua("forget-entry.lua")]);

/** What an entry weighs in Redis beside its bytes: its key, three times its names, in two indexes; and an answer. */
const entryOverheadBytes = 1_200;
const answerOverheadBytes = 400;
/** None is kept for longer, whatever it says. */
const keptMsMax = 30 * 86_400_000;

export interface EntryParts {
  readonly entry: SemanticEntry;
  /** Of an alias there is none. */
  readonly answer: StoredAnswer | undefined;
  /** The entry that goes when this one is kept. */
  readonly replaced: string | undefined;
  /** Of `entry-codec.ts` and `answer-codec.ts`. */
  readonly entryBytes: Uint8Array<ArrayBuffer>;
  readonly answerBytes: Uint8Array<ArrayBuffer>;
}

export interface PutLimits {
  readonly background: RedisConnection;
  readonly nowMs: number;
  readonly tenantBytesMax: number;
  readonly shardEntriesMax: number;
}

/** Whether it was kept: it was not purged since it began, and an alias has its answer. Rejects where there is no room. */
export async function sendEntry(
  { entry, answer, replaced, entryBytes, answerBytes }: EntryParts,
  { background, nowMs, tenantBytesMax, shardEntriesMax }: PutLimits,
): Promise<boolean> {
  const { id, tenantId, answerId, shard } = entry;
  const keys = semanticKeys(tenantId);
  const msOf = (expiresAtEpochMs: number): number => Math.min(expiresAtEpochMs - nowMs, keptMsMax);
  const own = `r:${requestPart(id)}`;
  const alias = aliasOf(entry, answer);
  const begunMs = Math.min(nowMs, ...[alias, answer ?? alias].map(begunEpochMs));
  const fields = answer === undefined ? ["*", `r:${requestPart(answerId)}`] : purgeFields(answer);
  const reply = await background.run(
    putScript,
    [
      ...[keys.entry(id), keys.answer(answerId), keys.purges, keys.index, keys.bytes, keys.refs],
      keys.entries(shard),
    ],
    [
      ...[keys.tier, buffer(entryBytes), requestPart(id), requestPart(answerId)],
      ...[requestPart(shard), entryBytes.length + entryOverheadBytes],
      msOf(entry.expiresAtEpochMs),
      ...[answer === undefined ? "" : answerLine(shard, answer), buffer(answerBytes)],
      answerBytes.length + answerOverheadBytes,
      answer === undefined ? 0 : msOf(answer.expiresAtEpochMs),
      ...[nowMs, begunMs, tenantBytesMax, shardEntriesMax],
      ...[replaced === undefined ? "" : requestPart(replaced), own, ...fields],
    ],
  );
  if (reply === -1) throw new Error("The tenant has no room for the cache.");
  return reply === 1;
}

const buffer = (bytes: Uint8Array<ArrayBuffer>): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
