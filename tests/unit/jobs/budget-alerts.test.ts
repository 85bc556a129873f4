import { join } from "node:path";

import { expect, test, vi } from "vitest";

import { openBudgetAlerts } from "../../../src/jobs/budget-alerts.ts";
import { openWebhookSender } from "../../../src/jobs/post-webhook.ts";
import type { RetryPlan } from "../../../src/jobs/post-webhook.ts";
import { sqliteAlertClaims } from "../../../src/stores/sqlite/alert-claims.ts";
import { openDatabase } from "../../../src/stores/sqlite/open.ts";
import { sqliteTenantStore } from "../../../src/stores/sqlite/tenant-store.ts";
import { policySchema } from "../../../src/tenants/tenant.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { aKey, aTenant } from "../../support/tenant-builders.ts";
import { startWebhookReceiver } from "../../support/webhook-receiver.ts";

const usd = 1_000_000_000n;
const monthly = { budgets: [{ period: "month", limit_usd: "10" }] };
const monthId = "m:202601";
const ofTenant = (spentNanoUsd: bigint, periodId = monthId) => ({
  tenantId: "acme",
  keyId: undefined,
  periodId,
  spentNanoUsd,
});

/** Alerts as a gateway has them: tenants and claims in SQLite, a server that gets the webhooks. */
async function openLab({
  policy = monthly,
  retry = {},
}: { readonly policy?: object; readonly retry?: Partial<RetryPlan> } = {}) {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await tempFolder());
  const database = resources.use(await openDatabase({ path: join(folder.path, "meta.db") }));
  const tenants = sqliteTenantStore(database);
  await tenants.createTenant(aTenant({ policy: policySchema.parse(policy) }));
  const receiver = resources.use(await startWebhookReceiver());
  const sender = resources.use(
    openWebhookSender({ triesMax: 3, firstDelayMs: 1, answerMs: 5_000, ...retry }),
  );
  const clock = manualClock();
  const claims = sqliteAlertClaims(database);
  const errors: string[] = [];
  const open = (flushMs = 5_000, defaultUrl: string | undefined = receiver.url) =>
    openBudgetAlerts({
      claims,
      policies: tenants,
      sender,
      clock,
      defaultUrl,
      flushMs,
      onError: (error) => errors.push(String(error)),
    });
  const percents = () => receiver.received.map(({ json }) => json.sentinel["percent"]);
  const close = () => resources.disposeAsync();
  return {
    open,
    receiver,
    tenants,
    claims,
    clock,
    errors,
    percents,
    database,
    [Symbol.asyncDispose]: close,
  };
}

const until = (condition: () => void) => vi.waitFor(condition, { timeout: 5_000, interval: 5 });

test("each threshold is told once, however often and by however many replicas it is seen", async () => {
  await using lab = await openLab();
  const replicas = [lab.open(), lab.open()];
  for (let cents = 0n; cents <= 1_200n; cents += 10n) {
    for (const replica of replicas) replica.note([ofTenant((cents * usd) / 100n)]);
    if (cents % 100n === 0n) await new Promise(setImmediate);
  }
  await Promise.all(replicas.map((replica) => replica[Symbol.asyncDispose]()));
  expect(lab.percents().sort()).toEqual([100, 80]);
  expect(lab.receiver.received[0]).toMatchObject({
    path: "/hooks/secret-part",
    contentType: "application/json",
    json: { sentinel: { tenant: "acme", key: null, period: "month", limit_usd: "10.000000000" } },
  });
  expect(lab.errors).toEqual([]);
});

test("after a restart nothing is told again", async () => {
  await using lab = await openLab();
  for (const spent of [9n, 9n, 11n, 12n]) {
    await using alerts = lab.open();
    alerts.note([ofTenant(spent * usd)]);
  }
  expect(lab.percents()).toEqual([80, 100]);
});

test("a new period and a raised budget have their thresholds before them again", async () => {
  await using lab = await openLab();
  await using alerts = lab.open();
  alerts.note([ofTenant(8n * usd)]);
  await until(() => expect(lab.percents()).toEqual([80]));
  lab.clock.advance(86_400_000);
  alerts.note([ofTenant(9n * usd, "m:202602")]);
  await until(() => expect(lab.percents()).toEqual([80, 80]));
  const raised = policySchema.parse({ budgets: [{ period: "month", limit_usd: 11 }] });
  await lab.tenants.updateTenant("acme", { policy: raised });
  lab.clock.advance(30_000);
  alerts.note([ofTenant(9n * usd, "m:202602")]);
  await until(() => expect(lab.percents()).toEqual([80, 80, 80]));
});

test("a key's budget is the key's own, and is told to its tenant's address", async () => {
  await using lab = await openLab({ policy: {} });
  await using own = await startWebhookReceiver();
  const { key, hash } = aKey({ policy: policySchema.parse(monthly) });
  await lab.tenants.createKey({ key, hash });
  const policy = policySchema.parse({ budget_webhook_url: own.url });
  await lab.tenants.updateTenant("acme", { policy });
  {
    await using alerts = lab.open();
    alerts.note([ofTenant(50n * usd), { ...ofTenant(8n * usd), keyId: key.id }]);
    // A key is its tenant's: what is said of it under another's name says nothing.
    alerts.note([{ ...ofTenant(10n * usd), tenantId: "zeta", keyId: key.id }]);
  }
  expect(own.received.map(({ json }) => json.sentinel)).toMatchObject([
    { key: key.id, percent: 80 },
  ]);
  expect(lab.receiver.received).toEqual([]);
});

test("without an address nothing is claimed, so that an address that is set later hears of it", async () => {
  await using lab = await openLab();
  {
    await using alerts = openBudgetAlertsWithoutAddress(lab);
    alerts.note([ofTenant(10n * usd)]);
  }
  await using alerts = lab.open();
  alerts.note([ofTenant(10n * usd)]);
  await until(() => expect(lab.percents()).toHaveLength(2));
});

const openBudgetAlertsWithoutAddress = (lab: Awaited<ReturnType<typeof openLab>>) =>
  openBudgetAlerts({
    claims: lab.claims,
    policies: lab.tenants,
    sender: openWebhookSender(),
    clock: lab.clock,
    defaultUrl: undefined,
    onError: (error) => lab.errors.push(String(error)),
  });

test("a server in trouble is asked again, one that refuses is not", async () => {
  await using lab = await openLab();
  const statuses = [503, 429, 200, 404];
  lab.receiver.answer((response) => void response.writeHead(statuses.shift() ?? 500).end());
  const budget = { ...monthly.budgets[0], alert_at_percent: [80] };
  await lab.tenants.updateTenant("acme", { policy: policySchema.parse({ budgets: [budget] }) });
  {
    await using alerts = lab.open();
    alerts.note([ofTenant(8n * usd)]);
  }
  expect(lab.percents()).toEqual([80, 80, 80]);
  expect(lab.errors).toEqual([]);
  {
    await using alerts = lab.open();
    lab.clock.advance(86_400_000);
    alerts.note([ofTenant(8n * usd, "m:202602")]);
  }
  expect(lab.percents()).toHaveLength(4);
  expect(lab.errors).toEqual([
    "Error: The budget webhook of tenant acme failed: it answered 404. It is not tried again.",
  ]);
  expect(lab.errors.join()).not.toContain("secret-part");
  const term = { nowMs: lab.clock.epochMs() + 600_000, untilMs: 0, madeSinceMs: 0 };
  expect(await lab.claims.takeOver(term, 10)).toEqual([]);
});

test("a server that is silent, gone or breaks off is asked again", async () => {
  await using lab = await openLab({ retry: { answerMs: 50, triesMax: 4 } });
  const budget = { ...monthly.budgets[0], alert_at_percent: [80] };
  await lab.tenants.updateTenant("acme", { policy: policySchema.parse({ budgets: [budget] }) });
  let tries = 0;
  lab.receiver.answer((response) => {
    tries += 1;
    if (tries === 2) response.socket?.destroy();
    if (tries === 3) response.writeHead(204).end();
  });
  await using alerts = lab.open();
  alerts.note([ofTenant(8n * usd)]);
  await until(() => expect(lab.percents()).toEqual([80, 80, 80]));
  expect(lab.errors).toEqual([]);
});

test("what a process had claimed and not sent when it died is sent by the next one", async () => {
  await using lab = await openLab();
  const body = JSON.stringify({ text: "80 %", sentinel: { percent: 80 } });
  const nowMs = lab.clock.epochMs();
  const alert = { id: "aa11", tenantId: "acme", body, expiresAtMs: undefined };
  await lab.claims.claim([alert], { nowMs, untilMs: nowMs + 1_000 });
  {
    await using _tooEarly = lab.open();
  }
  expect(lab.percents()).toEqual([]);
  lab.clock.advance(1_000);
  {
    await using _successor = lab.open();
  }
  expect(lab.percents()).toEqual([80]);
  lab.clock.advance(600_000);
  {
    await using _nextOne = lab.open();
  }
  expect(lab.percents()).toEqual([80]);
});

test("shutdown does not wait for a server that does not answer, and its alert is not lost", async () => {
  await using lab = await openLab({ retry: { answerMs: 60_000 } });
  lab.receiver.answer(() => undefined);
  const alerts = lab.open(50);
  alerts.note([ofTenant(8n * usd)]);
  await until(() => expect(lab.percents()).toEqual([80]));
  const startMs = performance.now();
  await alerts[Symbol.asyncDispose]();
  expect(performance.now() - startMs).toBeLessThan(2_000);
  lab.receiver.answer((response) => void response.writeHead(200).end());
  lab.clock.advance(600_000);
  {
    await using _successor = lab.open();
  }
  expect(lab.percents()).toEqual([80, 80]);
});

test("while the store of tenants does not answer nothing is thrown, and it is told once", async () => {
  await using lab = await openLab();
  await using alerts = lab.open();
  await lab.database[Symbol.asyncDispose]();
  alerts.note([ofTenant(8n * usd)]);
  await until(() => expect(lab.errors.length).toBeGreaterThan(0));
  const told = lab.errors.length;
  for (let count = 0; count < 10; count += 1) alerts.note([ofTenant(9n * usd)]);
  await new Promise(setImmediate);
  expect(lab.errors).toHaveLength(told);
  expect(lab.percents()).toEqual([]);
});
