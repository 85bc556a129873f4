import { expect, test } from "vitest";

import {
  admit,
  closedBreaker,
  defaultBreakerRules,
  failed,
  inconclusive,
  succeeded,
  waitMs,
} from "../../../src/providers/policies/breaker.ts";
import type { BreakerState } from "../../../src/providers/policies/breaker.ts";

const rules = { ...defaultBreakerRules, consecutiveFailures: 3, minimumRequests: 10 };

function failTimes(count: number, nowMs: number, from: BreakerState = closedBreaker): BreakerState {
  let state = from;
  for (let index = 0; index < count; index++) state = failed(state, nowMs, rules);
  return state;
}

test("it opens after the set number of failures in a row, and not before", () => {
  expect(failTimes(2, 0).kind).toBe("closed");
  expect(failTimes(3, 0).kind).toBe("open");
});

test("a success between failures starts the count anew", () => {
  const state = succeeded(failTimes(2, 0), 0, rules);
  expect(failTimes(2, 0, state).kind).toBe("closed");
});

test("it opens when half of the window's requests failed, though never three in a row", () => {
  let state: BreakerState = closedBreaker;
  for (let index = 0; index < 5; index++) {
    state = succeeded(state, index, rules);
    state = failed(state, index, rules);
  }
  expect(state.kind).toBe("open");
});

test("failures that have left the window do not count any more", () => {
  let state: BreakerState = closedBreaker;
  for (let index = 0; index < 9; index++) {
    state = failed(succeeded(state, 0, rules), 0, rules);
    if (index === 3) break;
  }
  const later = rules.windowMs + 1;
  state = succeeded(state, later, rules);
  state = failed(state, later, rules);
  expect(state.kind).toBe("closed");
});

test("while open it lets nothing through, and says for how long", () => {
  const open = failTimes(3, 1_000);
  expect(admit(open, 1_001).passes).toBe(false);
  expect(waitMs(open, 1_000)).toBe(rules.openMs);
});

test("after its rest it lets one probe through at a time", () => {
  const first = admit(failTimes(3, 0), rules.openMs);
  expect(first.passes).toBe(true);
  expect(admit(first.state, rules.openMs).passes).toBe(false);
});

test("a good probe closes it; a bad one opens it for twice as long, up to a bound", () => {
  const probing = admit(failTimes(3, 0), rules.openMs).state;
  expect(succeeded(probing, rules.openMs, rules)).toEqual(closedBreaker);
  const reopened = failed(probing, rules.openMs, rules);
  expect(waitMs(reopened, rules.openMs)).toBe(2 * rules.openMs);
  let state = reopened;
  let nowMs = rules.openMs;
  for (let index = 0; index < 10; index++) {
    nowMs += waitMs(state, nowMs);
    state = failed(admit(state, nowMs).state, nowMs, rules);
  }
  expect(waitMs(state, nowMs)).toBe(rules.openMaxMs);
});

test("a probe that tells nothing lets the next one go at once", () => {
  const probing = admit(failTimes(3, 0), rules.openMs).state;
  expect(admit(inconclusive(probing, rules.openMs), rules.openMs).passes).toBe(true);
});

test("a probe that never comes back does not keep the breaker shut for ever", () => {
  const probing = admit(failTimes(3, 0), rules.openMs).state;
  expect(admit(probing, rules.openMs + 60_000).passes).toBe(true);
});
