import { jobRoom } from "../../../jobs/job-store.ts";
import type { JobRoom } from "../../../jobs/job-store.ts";
import type { JobsInbox } from "../../books/jobs-inbox.ts";
import { orUnavailable } from "../books/store-failure.ts";
import type { RedisConnection } from "../open.ts";
import { enqueueJobs, enqueueScript } from "./enqueue.ts";
import { jobKeys } from "./keys.ts";

export interface RedisInboxOptions {
  /** Closed with it. */
  readonly redis: RedisConnection;
  readonly room?: JobRoom | undefined;
}

/** What the books thread enqueues by: jobs and mark in one script, so that what loses one loses the other. */
export function redisInbox({ redis, room = jobRoom }: RedisInboxOptions): JobsInbox {
  redis.preload([enqueueScript]);
  return {
    mark: (writer) =>
      orUnavailable(async () => (await redis.client.hget(jobKeys.marks, writer)) ?? undefined),
    put: (jobs, move) => orUnavailable(() => enqueueJobs(redis, jobs, { room, move })),
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}
