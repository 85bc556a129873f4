import { dayMs, hourMs, hourStartMs } from "./keys.ts";

/** How long what Redis has of the books stays there. All instants are whole seconds since 1970. */
export interface Window {
  /** Until then Redis knows what it has counted of the hour that an instant is in. */
  guardEnd(epochMs: number): number;
  recordsExpiry(epochMs: number): number;
  usageExpiry(epochMs: number): number;
  payloadsExpiry(epochMs: number, tenantId: string): number;
  /** The start of the oldest hour whose records may be there. */
  oldestHourMs(nowMs: number): number;
}

/** The records outlive their use as a guard by this, so that servers whose clocks differ agree on what is over. */
const marginMs = 600_000;

/** Hours of usage are there for a year to be compared with another. */
export const usageDays = 400;

/** Prompts and answers of a tenant whose policy is not known yet. No policy that keeps them keeps them shorter. */
const payloadDaysUnknown = 1;

export function auditWindow(
  auditHours: number,
  payloadDaysOf: (tenantId: string) => number | undefined = () => undefined,
): Window {
  const keptMs = auditHours * hourMs;
  const hourEnd = (epochMs: number): number => hourStartMs(epochMs) + hourMs;
  return {
    guardEnd: (epochMs) => seconds(hourEnd(epochMs) + keptMs),
    recordsExpiry: (epochMs) => seconds(hourEnd(epochMs) + keptMs + marginMs),
    usageExpiry: (epochMs) => seconds(hourEnd(epochMs) + usageDays * dayMs),
    payloadsExpiry: (epochMs, tenantId) => {
      const days = payloadDaysOf(tenantId) ?? payloadDaysUnknown;
      return seconds(hourEnd(epochMs) + Math.min(keptMs, days * dayMs - hourMs));
    },
    oldestHourMs: (nowMs) => hourStartMs(nowMs - keptMs - marginMs) - hourMs,
  };
}

const seconds = (epochMs: number): number => Math.floor(epochMs / 1_000);
