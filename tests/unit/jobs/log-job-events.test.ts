import { pino } from "pino";
import { expect, test } from "vitest";

import type { JobEvent } from "../../../src/jobs/job-event.ts";
import { logJobEvents } from "../../../src/jobs/log-job-events.ts";

const job = { id: "judge:1:x", kind: "judge", tenantId: "acme", attempt: 8, round: 1 };
const error = new Error("disk full");

test("an operator reads of what was given up, of our mistakes and of the store, and not of what goes well", () => {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>);
  const note = logJobEvents(pino({ level: "info" }, { write }));
  const events: readonly JobEvent[] = [
    { kind: "ended", job, outcome: "done", reason: undefined, runMs: 3 },
    { kind: "ended", job, outcome: "dead", reason: "rate_limited", runMs: 3.4 },
    { kind: "handler_failed", job, error },
    { kind: "handler_stuck", job },
    { kind: "give_up_failed", job, error, isLast: true },
    { kind: "store_failed", error },
    { kind: "store_recovered" },
  ];
  for (const event of events) note(event);
  expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
    [40, "a job was given up"],
    [50, "a job failed inside Sentinel"],
    [50, "a job went on after it was aborted; it is waited for no more"],
    [50, "a job is dead, and why could not be written down"],
    [40, "the store of jobs does not answer; jobs wait"],
    [30, "the store of jobs answers again"],
  ]);
  expect(lines[0]).toMatchObject({
    job: "judge:1:x",
    tenant: "acme",
    reason: "rate_limited",
    run_ms: 3,
  });
});
