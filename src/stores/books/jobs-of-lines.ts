import { z } from "zod";

import { newJobSchema } from "../../jobs/new-job.ts";
import type { NewJob } from "../../jobs/job-store.ts";
import type { JobsLine, JournalLine } from "../disk/journal-line.ts";

export interface JobsOfLines {
  readonly jobs: readonly NewJob[];
  readonly refused: readonly { readonly line: JournalLine; readonly reason: string }[];
}

/** The jobs of the lines `j`, with what those of one line share. */
export function jobsOf(lines: readonly JournalLine[]): JobsOfLines {
  const jobs: NewJob[] = [];
  const refused: { line: JournalLine; reason: string }[] = [];
  for (const line of lines) {
    if (line.kind !== "jobs") continue;
    const found = jobsIn(line);
    if (found === undefined) refused.push({ line, reason: "its jobs cannot be read" });
    else jobs.push(...found);
  }
  return { jobs, refused };
}

/** What a line may have; a judged exchange has at most ten evaluators. */
const jobsPerLineMax = 1_000;
const jsonObject = z.record(z.string(), z.unknown());
const jobsRecord = z.object({
  kind: z.string(),
  tenant: z.string(),
  priority: z.number(),
  jobs: z.array(z.object({ id: z.string(), payload: jsonObject })).max(jobsPerLineMax),
  shared: jsonObject,
});

/** Undefined for what no store can take. */
function jobsIn(line: JobsLine): NewJob[] | undefined {
  let content: unknown;
  try {
    content = line.jobs;
  } catch {
    return undefined; // No JSON, though its checksum fits: it says so itself.
  }
  const record = jobsRecord.safeParse(content).data;
  if (record === undefined) return undefined;
  const { kind, tenant: tenantId, priority, shared } = record;
  const jobs = record.jobs.map(({ id, payload }) => ({
    id,
    kind,
    tenantId,
    priority,
    payload: JSON.stringify({ ...shared, ...payload }),
  }));
  return jobs.every((job) => newJobSchema.safeParse(job).success) ? jobs : undefined;
}
