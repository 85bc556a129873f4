import { expect, test } from "vitest";

import { Failure } from "../../../src/errors.ts";
import { aliasOf, rejected, routeLab, upstreamError } from "../../support/route-lab.ts";

const hi = { messages: [{ role: "user", content: "Hi" }] };
const two = () =>
  routeLab({ providers: ["a", "b"], aliases: [aliasOf("priority", { a: {}, b: {} })] });

async function failTimes(count: number, ask: () => Promise<string>): Promise<void> {
  for (let round = 0; round < count; round++) {
    await expect(ask()).rejects.toBeInstanceOf(Failure);
  }
}

test("an alias and the model's own name share one breaker", async () => {
  const lab = two();
  lab.behave("a", upstreamError());
  await failTimes(10, () => lab.ask(hi, { model: "a/m" }));
  expect(await lab.ask(hi)).toBe("b");
  expect(lab.counts["a"]).toBe(10);
  await failTimes(1, () => lab.ask(hi, { model: "a/other" }));
  expect(lab.counts["a"]).toBe(11); // Another model has a breaker of its own.
});

test("what is known of a target outlasts a reload that did not change its provider", async () => {
  const lab = two();
  lab.behave("a", upstreamError());
  for (let round = 0; round < 10; round++) await lab.ask(hi);
  const after = lab.rebuilt([aliasOf("weighted", { a: {}, b: {} })]);
  for (let round = 0; round < 10; round++) expect(await after.ask(hi)).toBe("b");
  expect(lab.counts["a"]).toBe(10);
});

test("the status of a provider counts requests and failures, and says how fast it was", async () => {
  const lab = two();
  lab.behave("a", 120);
  await lab.ask(hi);
  lab.behave("a", upstreamError("out of order"));
  await lab.ask(hi);
  expect(lab.routes.statusOf("a")).toEqual([
    {
      model: "m",
      breaker: "closed",
      waitMs: 0,
      firstEventMs: undefined,
      wholeAnswerMs: 120,
      requests: 2,
      failures: 1,
      lastErrors: [
        {
          epochMs: lab.clock.epochMs(),
          count: 1,
          status: 502,
          kind: "upstream_error",
          code: "upstream_error",
          keyId: undefined,
          message: "out of order",
        },
      ],
    },
  ]);
  expect(lab.routes.statusOf("b")).toMatchObject([{ requests: 1, failures: 0, lastErrors: [] }]);
  expect(lab.routes.statusOf("nobody")).toEqual([]);
});

test("what a provider says of a bad request is not kept: it may quote the prompt", async () => {
  const lab = two();
  await lab.ask(hi);
  lab.behave("a", rejected(400, "your prompt 'SECRET' is too long"));
  await failTimes(1, () => lab.ask(hi));
  const [status] = lab.routes.statusOf("a");
  expect(status).toMatchObject({ requests: 2, failures: 0 });
  expect(status?.lastErrors).toMatchObject([{ status: 400, message: undefined }]);
  expect(JSON.stringify(status)).not.toContain("SECRET");
});

test("equal errors are one entry with a count, the latest first, and there are ten at most", async () => {
  const lab = two();
  for (let status = 410; status < 425; status++) {
    lab.behave("a", rejected(status, "no"));
    await failTimes(1, () => lab.ask(hi));
  }
  lab.behave("a", rejected(420, "no"));
  await failTimes(2, () => lab.ask(hi));
  await lab.ask(hi, { model: "b/m" });
  lab.behave("a", upstreamError());
  await lab.ask(hi);
  const { lastErrors = [] } = lab.routes.statusOf("a")[0] ?? {};
  expect(lastErrors).toHaveLength(10);
  expect(lastErrors.slice(0, 3)).toMatchObject([
    { status: 502, count: 1 },
    { status: 420, count: 3 },
    { status: 424, count: 1 },
  ]);
});

test("names that clients make up are not listed", async () => {
  const lab = two();
  lab.behave("a", rejected(404, "no such model"));
  await failTimes(1, () => lab.ask(hi, { model: "a/made-up" }));
  expect(lab.routes.statusOf("a")).toEqual([]);
});

test("a target in use is not forgotten, however many names are made up", async () => {
  const lab = two();
  lab.behave("a", 50);
  await lab.ask(hi);
  lab.behave("a", rejected(404, "no such model"));
  for (let round = 0; round < 1_500; round++) {
    await failTimes(1, () => lab.ask(hi, { model: `a/made-up-${round}` }));
    if (round % 500 === 0) await failTimes(1, () => lab.ask(hi));
  }
  expect(lab.routes.statusOf("a")).toMatchObject([{ model: "m", wholeAnswerMs: 50 }]);
});

test("a target that asks for patience is given it, while another is up", async () => {
  const lab = two();
  lab.behave("a", rejected(429, "slow down", 20_000));
  expect(await lab.ask(hi)).toBe("b");
  lab.behave("a", 0);
  expect(await lab.ask(hi)).toBe("b");
  expect(lab.counts["a"]).toBe(1);
  expect(lab.routes.statusOf("a")[0]?.waitMs).toBe(20_000);
  lab.clock.advance(20_000);
  expect(await lab.ask(hi)).toBe("a");
});

test("a target whose credential is refused is asked again after a minute, or if there is no other", async () => {
  const lab = two();
  lab.behave("a", rejected(401, "bad key"));
  expect(await lab.ask(hi)).toBe("b");
  expect(await lab.ask(hi)).toBe("b");
  expect(lab.counts["a"]).toBe(1);
  lab.behave("b", upstreamError());
  lab.behave("a", 0);
  expect(await lab.ask(hi)).toBe("a");
  lab.behave("b", 0);
  expect(await lab.ask(hi)).toBe("a"); // It has answered, so it is up again.
});

test("if all targets asked for patience, the one that is up soonest is asked first", async () => {
  const lab = two();
  lab.behave("a", rejected(429, "slow down", 20_000));
  lab.behave("b", rejected(429, "slow down", 3_000));
  await failTimes(1, () => lab.ask(hi));
  expect(lab.counts).toEqual({ a: 1, b: 1 });
  lab.behave("b", 0);
  expect(await lab.ask(hi)).toBe("b");
  expect(lab.counts).toEqual({ a: 1, b: 2 });
});

test("an account that has nothing left is one that nobody asks twice, while another is up", async () => {
  const lab = two();
  lab.behave("a", rejected(429, "pay first", undefined, "insufficient_quota"));
  for (let round = 0; round < 3; round++) expect(await lab.ask(hi)).toBe("b");
  expect(lab.counts["a"]).toBe(1);
});

test("a probe that never comes back holds up nobody for good", async () => {
  const lab = two();
  lab.behave("a", upstreamError());
  for (let round = 0; round < 10; round++) await lab.ask(hi);
  lab.clock.advance(5_000);
  const { breaker } = lab.entries[0]?.health.of("m") ?? {};
  expect(breaker?.admits()).toBe(true); // A probe is under way from here on.
  lab.behave("a", 0);
  expect(await lab.ask(hi)).toBe("b");
  lab.clock.advance(60_000);
  expect(await lab.ask(hi)).toBe("a");
});

test("in an outage of all targets a fifth more is sent at most, beyond a small reserve", async () => {
  const targets = { a: {}, b: {}, c: {} };
  const slow = aliasOf("weighted", targets, { alias: "slow", retries: 2 });
  const fast = aliasOf("priority", targets, { retries: 2 });
  const lab = routeLab({ providers: ["a", "b", "c"], aliases: [fast, slow] });
  // A limit does not open the breaker, so that nothing but the budget holds retries back.
  for (const name of ["a", "b", "c"]) lab.behave(name, rejected(429, "slow down", 0));
  const rounds = 300;
  await failTimes(rounds, () => lab.ask(hi));
  await failTimes(rounds, () => lab.ask(hi, { model: "slow" }));
  const reserve = 10;
  for (const name of ["a", "b", "c"]) {
    const sent = lab.counts[name] ?? 0;
    expect(sent).toBeGreaterThan(2 * rounds);
    expect(sent).toBeLessThanOrEqual(2 * rounds * 1.2 + reserve);
  }
});

test("a total outage is soon no load at all: breakers end the fallbacks as well", async () => {
  const lab = two();
  lab.behave("a", upstreamError());
  lab.behave("b", upstreamError());
  await failTimes(500, () => lab.ask(hi));
  expect(lab.counts).toEqual({ a: 10, b: 10 });
});
