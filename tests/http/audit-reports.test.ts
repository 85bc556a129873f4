import { describe, expect, test } from "vitest";

import { admin, makeKey } from "../support/admin-client.ts";
import { asPlatform, recordsOf, report } from "../support/books-agree.ts";
import type { ShownRecord, UsageReport } from "../support/books-agree.ts";
import { sharePricedUpstream } from "../support/priced-upstream.ts";
import type { TestTenant } from "../support/priced-upstream.ts";
import { completion, whole } from "../support/scripted-upstream.ts";

const plane = await sharePricedUpstream();
const { gateway } = plane;
const answered = (tokens = 5) =>
  whole(completion("Hello", { usage: { prompt_tokens: 10, completion_tokens: tokens } }));

interface Page {
  readonly object: string;
  readonly data: readonly ShownRecord[];
  readonly has_more: boolean;
  readonly next_cursor: string | null;
}

const pageOf = (tenant: TestTenant, query: string): Promise<Page> =>
  report<Page>(gateway, `/v1/audit?tenant=${tenant.id}&${query}`);

async function ask(asked: Promise<Response>): Promise<string> {
  const answer = await asked;
  await answer.arrayBuffer();
  return answer.headers.get("x-request-id") ?? "";
}

/** Six requests that differ in everything one can ask for, the oldest first. */
async function sixRequests() {
  const tenant = await plane.newTenant();
  const other = await makeKey(gateway, { tenant: tenant.id });
  const authorization = `Bearer ${other.key}`;
  plane.upstream.answer(answered());
  const cheap = await ask(tenant.chat({}, { "x-sentinel-tags": "team=a,feature=search" }));
  const tagged = await ask(tenant.chat({}, { "x-sentinel-tags": "team=b" }));
  const unpriced = await ask(tenant.chat({ model: "untold" }));
  plane.upstream.answer(answered(1_000));
  const dear = await ask(tenant.chat({}, { authorization }));
  const unknown = await ask(tenant.chat({ model: "unheard-of" }));
  plane.upstream.answer(whole({ error: { message: "no" } }, {}, 400));
  const rejected = await ask(tenant.chat());
  const ids = { cheap, tagged, unpriced, dear, unknown, rejected };
  return { tenant, other, ids };
}

const six = await sixRequests();

describe("/v1/audit", () => {
  test("lists the newest start first, and each record by its id", async () => {
    const { tenant, ids } = six;
    const page = await pageOf(tenant, "");
    expect(page.object).toBe("list");
    expect(page.data.map(({ id }) => id)).toEqual(Object.values(ids).toReversed());
    expect(page).toMatchObject({ has_more: false, next_cursor: null });
    const one = await report<ShownRecord>(gateway, `/v1/audit/${ids.dear}?tenant=${tenant.id}`);
    expect(one).toEqual(page.data.find(({ id }) => id === ids.dear));
    expect(one).toMatchObject({
      object: "audit.record",
      tenant: tenant.id,
      key: six.other.id,
      endpoint: "chat",
      route: { name: "m", candidates: ["test/m"] },
      attempts: [{ provider: "test", model: "m", status: 200 }],
      amendments: [],
    });
    expect(one.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(one.prompt_hash).toMatch(/^[0-9a-f]{64}$/);
    expect(Date.parse(one.ended_at)).toBeGreaterThanOrEqual(Date.parse(one.started_at));
  });

  test("equal prompts of a tenant have equal hashes, and those of two tenants do not", async () => {
    plane.upstream.answer(answered());
    const [one, two] = [await plane.newTenant(), await plane.newTenant()];
    for (const tenant of [one, one, two]) await ask(tenant.chat({ seed: 1 }));
    const [later, sooner] = await recordsOf(gateway, one.id);
    const [foreign] = await recordsOf(gateway, two.id);
    expect(later?.prompt_hash).toBe(sooner?.prompt_hash);
    expect(foreign?.prompt_hash).not.toBe(sooner?.prompt_hash);
  });

  type Name = keyof typeof six.ids;
  const filters: [string, Name[]][] = [
    ["model=m", ["rejected", "dear", "tagged", "cheap"]],
    ["model=untold", ["unpriced"]],
    ["model=unheard-of", ["unknown"]],
    ["provider=test", ["rejected", "dear", "unpriced", "tagged", "cheap"]],
    ["provider=nobody", []],
    [`key=${six.other.id}`, ["dear"]],
    ["status=404", ["unknown"]],
    ["status=200", ["dear", "unpriced", "tagged", "cheap"]],
    ["outcome=provider_rejected", ["rejected"]],
    ["outcome=model_not_found", ["unknown"]],
    ["cache=bypass", ["rejected", "unknown", "dear", "unpriced", "tagged", "cheap"]],
    ["cache=exact", []],
    ["tag=team%3Da", ["cheap"]],
    ["tag=team%3Db", ["tagged"]],
    ["tag=team%3Dc", []],
    ["min_cost_usd=0.01", ["dear"]],
    ["min_cost_usd=0.015030001", []],
    ["min_cost_usd=0.01503", ["dear"]],
    ["model=m&tag=feature%3Dsearch&status=200", ["cheap"]],
    ["from=2000-01-01&to=2000-01-02", []],
  ];
  test.each(filters)("?%s", async (query, names) => {
    const page = await pageOf(six.tenant, query);
    expect(page.data.map(({ id }) => id)).toEqual(names.map((name) => six.ids[name]));
    expect(page.has_more).toBe(false);
  });

  test("pages follow one another by their cursors, filtered or not, while requests come in", async () => {
    const { tenant, ids } = six;
    for (const [query, names] of [["", Object.keys(ids).toReversed()], ...filters] as const) {
      const found: string[] = [];
      let cursor: string | null = "";
      for (let pages = 0; cursor !== null && pages < 10; pages++) {
        const page: Page = await pageOf(tenant, `${query}&limit=2&cursor=${cursor}`);
        expect(page.data.length).toBeLessThanOrEqual(2);
        expect(page.has_more).toBe(page.next_cursor !== null);
        found.push(...page.data.map(({ id }) => id));
        cursor = page.next_cursor;
      }
      expect(found).toEqual(names.map((name) => ids[name as Name]));
    }
  });

  test("a page is not moved by what comes after it was begun", async () => {
    plane.upstream.answer(answered());
    const tenant = await plane.newTenant();
    for (let count = 0; count < 4; count++) await ask(tenant.chat());
    const first = await pageOf(tenant, "limit=2");
    await ask(tenant.chat());
    const second = await pageOf(tenant, `limit=2&cursor=${first.next_cursor ?? ""}`);
    const all = [...first.data, ...second.data].map(({ id }) => id);
    expect(all).toEqual((await recordsOf(gateway, tenant.id)).slice(1).map(({ id }) => id));
  });

  test("exports as lines of JSON, filtered, and no more than asked for", async () => {
    const lines = async (query: string): Promise<ShownRecord[]> => {
      const answer = await gateway.fetch(`/v1/audit?tenant=${six.tenant.id}${query}`, {
        headers: {
          authorization: `Bearer ${gateway.adminToken}`,
          accept: "application/x-ndjson",
        },
      });
      expect(answer.headers.get("content-type")).toMatch(/^application\/x-ndjson/);
      const text = await answer.text();
      if (text !== "") expect(text).toMatch(/\n$/);
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as ShownRecord);
    };
    expect(await lines("")).toEqual((await pageOf(six.tenant, "")).data);
    expect((await lines("&status=200")).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await lines("&limit=3")).toHaveLength(3);
    expect(await lines("&model=nobody")).toEqual([]);
  });

  test("an export of more than one page has every record once", async () => {
    plane.upstream.answer(answered());
    const tenant = await plane.newTenant();
    await Promise.all(Array.from({ length: 620 }, () => ask(tenant.chat())));
    const records = await recordsOf(gateway, tenant.id);
    expect(new Set(records.map(({ id }) => id)).size).toBe(620);
    expect(records).toHaveLength(620);
    const ids = records.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted().toReversed());
    const authorization = `Bearer ${gateway.adminToken}`;
    const headers = { authorization, accept: "application/x-ndjson" };
    const noLimit = await gateway.fetch(`/v1/audit?tenant=${tenant.id}&limit=`, { headers });
    expect((await noLimit.text()).trimEnd().split("\n")).toHaveLength(620);
  });
});

describe("/v1/usage", () => {
  const usageOf = (query: string): Promise<UsageReport> =>
    report(gateway, `/v1/usage?tenant=${six.tenant.id}&${query}`);
  const cheapUsd = 10 * 3_000 + 5 * 15_000;
  const dearUsd = 10 * 3_000 + 1_000 * 15_000;

  test("sums all requests, and groups them as asked for", async () => {
    const { totals } = await usageOf("");
    expect(totals).toMatchObject({
      requests: 6,
      failed_requests: 2,
      input_tokens: 40,
      output_tokens: 1_015,
      cost_nano_usd: 2 * cheapUsd + dearUsd,
      cost_by_status: { unpriced: { requests: 1 }, estimated: { requests: 0 } },
    });
    const by = async (dimension: string) => {
      const { data } = await usageOf(`group_by=${dimension}`);
      return Object.fromEntries(data.map((row) => [String(row[dimension]), row.requests]));
    };
    expect(await by("model")).toEqual({ m: 4, untold: 1, _unknown: 1 });
    expect(await by("key")).toEqual({ [six.tenant.keyId]: 5, [six.other.id]: 1 });
    expect(await by("provider")).toEqual({ test: 5, "": 1 });
    expect(await by("tag")).toEqual({ "team=a": 1, "feature=search": 1, "team=b": 1 });
    const { data } = await usageOf("group_by=day,model");
    expect(data).toHaveLength(3);
    expect(data[0]).toMatchObject({ day: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) as string });
    const hours = await usageOf("group_by=hour");
    expect(hours.data[0]).toMatchObject({
      hour: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:00:00Z$/) as string,
    });
  });

  test("tags do not add up to the totals, which hold every request once", async () => {
    const { data, totals } = await usageOf("group_by=tag");
    expect(totals.requests).toBe(6);
    expect(data.reduce((sum, { requests }) => sum + requests, 0)).toBe(3);
  });

  test("has nothing to say of a time in which nothing was asked", async () => {
    const { data, totals } = await usageOf("from=2000-01-01&to=2000-01-02&group_by=model");
    expect(data).toEqual([]);
    expect(totals).toMatchObject({ requests: 0, cost_usd: "0.000000000" });
  });

  test("a viewer reads its own with its own key, in dollars that are exact", async () => {
    const viewer = await makeKey(gateway, { tenant: six.tenant.id, role: "viewer" });
    const answer = await gateway.fetch("/v1/usage", {
      headers: { authorization: `Bearer ${viewer.key}` },
    });
    const { totals } = (await answer.json()) as UsageReport;
    expect(totals.cost_usd).toBe("0.015240000");
  });
});

describe("what is asked wrongly is told with the field's name", () => {
  const wrong: [string, string][] = [
    ["/v1/audit?limit=0", "limit"],
    ["/v1/audit?limit=1001", "limit"],
    ["/v1/audit?status=abc", "status"],
    ["/v1/audit?cursor=nonsense", "cursor"],
    ["/v1/audit?tag=team", "tag"],
    ["/v1/audit?min_cost_usd=1e3", "min_cost_usd"],
    ["/v1/audit?from=yesterday", "from"],
    ["/v1/audit?from=2026-02-01&to=2026-01-01", "from"],
    ["/v1/audit?cache=warm", "cache"],
    ["/v1/audit?modle=m", "modle"],
    ["/v1/usage?group_by=colour", "group_by"],
    ["/v1/usage?group_by=tag,key", "group_by"],
    ["/v1/usage?limit=5", "limit"],
  ];
  test.each(wrong)("%s", async (path, param) => {
    const answer = await gateway.fetch(`${path}&tenant=${six.tenant.id}`, asPlatform(gateway));
    expect(answer.status).toBe(400);
    const { error } = (await answer.json()) as { error: Record<string, unknown> };
    expect(error).toMatchObject({ type: "invalid_request_error", param });
  });

  test.each([
    "team",
    "=a",
    "team=",
    "a b=c",
    "team=a,team=b",
    "team=ü",
    Array.from({ length: 11 }, (_, at) => `t${at}=1`).join(","),
  ])("x-sentinel-tags: %s", async (tags) => {
    plane.upstream.answer(answered());
    const tenant = await plane.newTenant();
    plane.upstream.forget();
    const answer = await tenant.chat({}, { "x-sentinel-tags": tags });
    expect(answer.status).toBe(400);
    const { error } = (await answer.json()) as { error: Record<string, unknown> };
    expect(error).toMatchObject({ param: "x-sentinel-tags" });
    expect(plane.upstream.seen).toHaveLength(0);
  });
});

test("more than a hundred tags of a day are one row, and none of their requests is lost", async () => {
  plane.upstream.answer(answered());
  const tenant = await plane.newTenant();
  for (let count = 0; count < 105; count++) {
    await ask(tenant.chat({}, { "x-sentinel-tags": `user=${count}` }));
  }
  const path = `/v1/usage?tenant=${tenant.id}&group_by=tag`;
  const { data, totals } = await report<UsageReport>(gateway, path);
  expect(data).toHaveLength(101);
  expect(data.find(({ tag }) => tag === "_other")?.requests).toBe(5);
  expect(totals.requests).toBe(105);
  await tenant.booksAgree(105);
});

test("a suspended tenant does not read its records, and the platform does", async () => {
  plane.upstream.answer(answered());
  const tenant = await plane.newTenant();
  const viewer = await makeKey(gateway, { tenant: tenant.id, role: "viewer" });
  await ask(tenant.chat());
  await admin(gateway, `PATCH /tenants/${tenant.id}`, { status: "suspended" });
  const refused = await gateway.fetch("/v1/audit", {
    headers: { authorization: `Bearer ${viewer.key}` },
  });
  expect(refused.status).toBe(401);
  expect(await recordsOf(gateway, tenant.id)).toHaveLength(1);
});
