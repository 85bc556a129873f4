/**
 * A circuit breaker as a pure state machine: state, event and time in, state out. Closed it counts what
 * fails; open it lets nothing through for a while; half-open it lets one request through at a time to see.
 */
export interface BreakerRules {
  /** So many failures in a row open it. */
  readonly consecutiveFailures: number;
  /** Or this share of failures in the window, once it holds `minimumRequests`. */
  readonly failureRatio: number;
  readonly minimumRequests: number;
  readonly windowMs: number;
  /** How long it stays open the first time; doubled each time that a probe fails, up to `openMaxMs`. */
  readonly openMs: number;
  readonly openMaxMs: number;
}

export const defaultBreakerRules: BreakerRules = {
  consecutiveFailures: 10,
  failureRatio: 0.5,
  minimumRequests: 20,
  windowMs: 30_000,
  openMs: 5_000,
  openMaxMs: 60_000,
};

/** A tenth of the window. Old slots fall out of it one by one, so that it slides. */
interface Slot {
  readonly startedMs: number;
  readonly requests: number;
  readonly failures: number;
}

export type BreakerState =
  | { readonly kind: "closed"; readonly failuresInRow: number; readonly slots: readonly Slot[] }
  | { readonly kind: "open"; readonly untilMs: number; readonly openMs: number }
  | { readonly kind: "half-open"; readonly openMs: number; readonly probeStartedMs: number };

export const closedBreaker: BreakerState = { kind: "closed", failuresInRow: 0, slots: [] };

/** A probe that has not come back after this long is given up, so that another may go. */
const probeMaxMs = 60_000;
const slotCount = 10;

/** Whether a request may pass now. `state` is what follows: letting a probe through takes its place. */
export function admit(
  state: BreakerState,
  nowMs: number,
): { readonly passes: boolean; readonly state: BreakerState } {
  switch (state.kind) {
    case "closed":
      return { passes: true, state };
    case "open":
      return nowMs < state.untilMs
        ? { passes: false, state }
        : { passes: true, state: probing(state.openMs, nowMs) };
    case "half-open":
      return nowMs - state.probeStartedMs < probeMaxMs
        ? { passes: false, state }
        : { passes: true, state: probing(state.openMs, nowMs) };
  }
}

export function succeeded(state: BreakerState, nowMs: number, rules: BreakerRules): BreakerState {
  if (state.kind !== "closed") return closedBreaker;
  return { kind: "closed", failuresInRow: 0, slots: counted(state.slots, 0, nowMs, rules) };
}

export function failed(state: BreakerState, nowMs: number, rules: BreakerRules): BreakerState {
  switch (state.kind) {
    case "open":
      return state;
    case "half-open":
      return opened(Math.min(state.openMs * 2, rules.openMaxMs), nowMs);
    case "closed": {
      const failuresInRow = state.failuresInRow + 1;
      const slots = counted(state.slots, 1, nowMs, rules);
      return failuresInRow >= rules.consecutiveFailures || isMostlyFailing(slots, rules)
        ? opened(rules.openMs, nowMs)
        : { kind: "closed", failuresInRow, slots };
    }
  }
}

/** A probe ended without telling anything: the client left, or the upstream asked for patience. */
export function inconclusive(state: BreakerState, nowMs: number): BreakerState {
  return state.kind === "half-open" ? { ...opened(state.openMs, nowMs), untilMs: nowMs } : state;
}

/** How long until a request may pass, in milliseconds; 0 if one may pass now. */
export function waitMs(state: BreakerState, nowMs: number): number {
  switch (state.kind) {
    case "closed":
      return 0;
    case "open":
      return Math.max(0, state.untilMs - nowMs);
    case "half-open": // An outsider cannot know; but a probe that never came back holds up nobody.
      return nowMs - state.probeStartedMs < probeMaxMs ? state.openMs : 0;
  }
}

function probing(openMs: number, nowMs: number): BreakerState {
  return { kind: "half-open", openMs, probeStartedMs: nowMs };
}

function opened(openMs: number, nowMs: number): BreakerState & { kind: "open" } {
  return { kind: "open", untilMs: nowMs + openMs, openMs };
}

function counted(
  slots: readonly Slot[],
  failures: 0 | 1,
  nowMs: number,
  rules: BreakerRules,
): readonly Slot[] {
  const current = slots.at(-1);
  if (current !== undefined && nowMs - current.startedMs < rules.windowMs / slotCount) {
    const { startedMs, requests } = current;
    const grown = { startedMs, requests: requests + 1, failures: current.failures + failures };
    return [...slots.slice(0, -1), grown];
  }
  const inWindow = slots.filter((slot) => nowMs - slot.startedMs < rules.windowMs);
  return [...inWindow, { startedMs: nowMs, requests: 1, failures }];
}

function isMostlyFailing(slots: readonly Slot[], rules: BreakerRules): boolean {
  let requests = 0;
  let failures = 0;
  for (const slot of slots) {
    requests += slot.requests;
    failures += slot.failures;
  }
  return requests >= rules.minimumRequests && failures / requests >= rules.failureRatio;
}
