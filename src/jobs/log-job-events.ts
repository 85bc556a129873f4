import type { Log } from "../telemetry/log.ts";
import type { JobEvent, JobNote } from "./job-event.ts";

/** Writes to the log what an operator should know of jobs. What goes well is said in `debug` only. */
export function logJobEvents(
  log: Pick<Log, "debug" | "info" | "warn" | "error">,
): (event: JobEvent) => void {
  return (event) => {
    switch (event.kind) {
      case "ended": {
        const { job, outcome, reason, runMs } = event;
        const line = { ...fieldsOf(job), outcome, reason, run_ms: Math.round(runMs) };
        if (outcome === "dead") log.warn(line, "a job was given up");
        else log.debug(line, "a job has ended");
        break;
      }
      case "handler_failed":
        log.error({ ...fieldsOf(event.job), err: event.error }, "a job failed inside Sentinel");
        break;
      case "handler_stuck":
        log.error(
          fieldsOf(event.job),
          "a job went on after it was aborted; it is waited for no more",
        );
        break;
      case "give_up_failed":
        log.error(
          { ...fieldsOf(event.job), err: event.error },
          event.isLast
            ? "a job is dead, and why could not be written down"
            : "why a job is given up could not be written down; it is tried again",
        );
        break;
      case "store_failed":
        log.warn({ err: event.error }, "the store of jobs does not answer; jobs wait");
        break;
      case "store_recovered":
        log.info("the store of jobs answers again");
        break;
    }
  };
}

const fieldsOf = ({ id, kind, tenantId, attempt, round }: JobNote) => ({
  job: id,
  kind,
  tenant: tenantId,
  attempt,
  round,
});
