import { Failure } from "../errors.ts";
import type { JobRoom } from "./job-store.ts";

const retryAfterMs = 10_000;

/** What a full store answers. */
export const tooManyJobs = ({ jobsMax, bytesMax }: JobRoom): Failure =>
  new Failure(
    "store_unavailable",
    `${jobsMax} jobs wait already, or they have ${bytesMax} bytes. Try again later.`,
    { retryAfterMs },
  );
