import { expect } from "vitest";

import type { ClaimedJob, JobRoom, JobStore, NewJob } from "../../src/jobs/job-store.ts";

export interface JobStoreRun extends AsyncDisposable {
  /** The same jobs, over two connections, as two workers have them. */
  readonly stores: readonly [JobStore, JobStore];
  openWithRoom(room: JobRoom): Promise<JobStore>;
  /** The process dies and another one opens the store; what ran may have to wait for the end of its lease. */
  restart(): Promise<JobStore>;
  /** Everything that is kept, as text: to look for what must be gone. */
  everything(): Promise<string>;
}

/** Opens an empty store. */
export type OpenJobStore = () => Promise<JobStoreRun>;

export const aJob = (id: string, fields: Partial<NewJob> = {}): NewJob => ({
  id,
  kind: "judge",
  tenantId: "acme",
  priority: 5,
  payload: JSON.stringify({ text: `of ${id}` }),
  ...fields,
});

export const someJobs = (count: number, fields: Partial<NewJob> = {}): NewJob[] =>
  Array.from({ length: count }, (_, index) =>
    aJob(`job-${String(index).padStart(4, "0")}`, fields),
  );

/** So long that no test sees its end. */
export const longMs = 60_000;
/** Waited for. */
export const shortMs = 60;

export const claim = (
  store: JobStore,
  fields: Partial<Parameters<JobStore["claim"]>[0]> = {},
): Promise<readonly ClaimedJob[]> =>
  store.claim({ kinds: ["judge"], worker: "tester", leaseMs: longMs, limit: 10, ...fields });

export const idsOf = (jobs: readonly { readonly id: string }[]): string[] =>
  jobs.map(({ id }) => id);

/** Claims the one job that there is. */
export async function claimOne(
  store: JobStore,
  fields: Parameters<typeof claim>[1] = {},
): Promise<ClaimedJob> {
  const [job] = await claim(store, { ...fields, limit: 1 });
  if (job === undefined) throw new Error("no job was due");
  return job;
}

/** Claims it as soon as it can be. */
export async function claimSoon(store: JobStore): Promise<ClaimedJob> {
  let job: ClaimedJob | undefined;
  await expect
    .poll(
      async () => {
        [job] = await claim(store, { limit: 1 });
        return job;
      },
      { interval: 5, timeout: 5_000 },
    )
    .toBeDefined();
  if (job === undefined) throw new Error("no job was due");
  return job;
}

/** Waits until a clock that the store goes by has moved on: what comes now is later than what came before. */
export async function nextMillisecond(): Promise<void> {
  const before = Date.now();
  while (Date.now() <= before + 1) await new Promise(setImmediate);
}
