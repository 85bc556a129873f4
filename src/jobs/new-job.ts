import { z } from "zod";

import type { NewJob } from "./job-store.ts";

const idPattern = /^[^\p{Cc}\p{Cs}]{1,200}$/u;
const kindPattern = /^[a-z][a-z0-9-]{0,63}$/;
const tenantPattern = /^[^\p{Cc}\p{Cs}]{1,200}$/u;

/** A year: what is put off for longer is never done. */
const delayMsMax = 366 * 86_400_000;

/** What every store can keep of a job. */
export const newJobSchema = z.object({
  id: z.string().regex(idPattern),
  kind: z.string().regex(kindPattern),
  tenantId: z.string().regex(tenantPattern),
  priority: z.int().min(0).max(9),
  delayMs: z.int().min(0).max(delayMsMax).exactOptional(),
  payload: z.string(),
});

/** The same jobs. Throws for one that is none: whoever made it is wrong, and no store would know what to do with it. */
export function checkNewJobs(jobs: readonly NewJob[]): readonly NewJob[] {
  for (const job of jobs) {
    const { error } = newJobSchema.safeParse(job);
    const [issue] = error?.issues ?? [];
    if (issue !== undefined) {
      throw new TypeError(`A job cannot have this ${issue.path.join(".")}: ${issue.message}.`);
    }
  }
  return jobs;
}
