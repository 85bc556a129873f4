import { expect, test } from "vitest";

import { PurgeTimes } from "../../../../src/stores/answers/purge-times.ts";
import { anAnswer, startEpochMs } from "../../../support/stored-answers.ts";

const hourMs = 3_600_000;

test("an answer is hidden by a purge that came with its request or after, and by none before", () => {
  const purges = new PurgeTimes();
  purges.note({ tenantId: "acme" }, startEpochMs);
  expect(purges.hides(anAnswer({ begunEpochMs: startEpochMs }))).toBe(true);
  expect(purges.hides(anAnswer({ begunEpochMs: startEpochMs + 1 }))).toBe(false);
  expect(purges.refuses(anAnswer({ begunEpochMs: startEpochMs + 1 }))).toBe(false);
  expect(purges.hides(anAnswer({ tenantId: "zeta" }))).toBe(false);
});

test("a purge that is no longer known one by one refuses what began before it, and hides nothing", () => {
  const purges = new PurgeTimes();
  purges.note({ tenantId: "acme", model: "a" }, startEpochMs);
  purges.note({ tenantId: "acme", model: "b" }, startEpochMs + hourMs + 1);
  for (const model of ["a", "c"]) {
    expect(purges.refuses(anAnswer({ model }))).toBe(true);
    expect(purges.hides(anAnswer({ model }))).toBe(false);
  }
  expect(purges.refuses(anAnswer({ begunEpochMs: startEpochMs + 1, model: "a" }))).toBe(false);
});

test("more tenants than are known refuse what began before, and no more than that", () => {
  const purges = new PurgeTimes();
  purges.note({ tenantId: "acme" }, startEpochMs);
  for (let index = 0; index < 2_000; index += 1) {
    purges.note({ tenantId: `t${index}`, model: "m" }, startEpochMs + index);
  }
  expect(purges.refuses(anAnswer())).toBe(true);
  expect(purges.refuses(anAnswer({ tenantId: "never purged" }))).toBe(true);
  expect(purges.refuses(anAnswer({ begunEpochMs: startEpochMs + 5_000 }))).toBe(false);
  expect(purges.hides(anAnswer({ tenantId: "t1999", model: "m" }))).toBe(true);
});

test("a request cannot have begun after its answer was stored, whatever its id says", () => {
  const purges = new PurgeTimes();
  purges.note({ tenantId: "acme" }, startEpochMs);
  const storedAtEpochMs = startEpochMs - 1;
  expect(purges.hides(anAnswer({ begunEpochMs: startEpochMs + 900, storedAtEpochMs }))).toBe(true);
  expect(purges.hides(anAnswer({ requestId: "no ULID", storedAtEpochMs }))).toBe(true);
});
