import type { JobRoom, NewJob } from "../../../jobs/job-store.ts";
import { tooManyJobs } from "../../../jobs/too-many-jobs.ts";
import type { MarkMove } from "../../books/jobs-inbox.ts";
import type { RedisConnection } from "../open.ts";
import { jobKeys, jobScript } from "./keys.ts";

export const enqueueScript = jobScript("enqueue");

/** In one step. Resolves to how many were new; to `lost` where the mark is another one. */
export async function enqueueJobs(
  redis: RedisConnection,
  jobs: readonly NewJob[],
  { room, move }: { readonly room: JobRoom; readonly move?: MarkMove },
): Promise<number | "lost"> {
  const { kinds, over, marks, markTimes } = jobKeys;
  const own = jobs.flatMap(({ id, kind, priority }) => [
    jobKeys.job(id),
    jobKeys.waiting(kind, priority),
  ]);
  const fields = jobs.flatMap(({ id, kind, tenantId, priority, delayMs = 0, payload }) => [
    id,
    kind,
    tenantId,
    priority,
    delayMs,
    payload,
  ]);
  const mark = [move?.writer ?? "", move?.from ?? "", move?.to ?? ""];
  const args = [room.jobsMax, room.bytesMax, ...mark, ...fields];
  const keys = [kinds, over, marks, markTimes, ...own];
  const reply = Number(await redis.run(enqueueScript, keys, args));
  if (reply === isLost) return "lost";
  if (reply === isFull) throw tooManyJobs(room);
  return reply;
}

const isLost = -1;
const isFull = -2;
