import { Pool } from "undici";
import { describe, expect, test } from "vitest";

import { newId } from "../../src/lib/ids.ts";
import { makeKey } from "../support/admin-client.ts";
import { asPlatform, recordsOf } from "../support/books-agree.ts";
import { sharePricedUpstream } from "../support/priced-upstream.ts";
import { completion, whole } from "../support/scripted-upstream.ts";

const plane = await sharePricedUpstream({ script: whole(completion("Hello")) });
const { gateway } = plane;

/** Two tenants that keep payloads, with a key of each role each, and with records. */
async function twoTenants() {
  const make = async () => {
    const tenant = await plane.newTenant({ policy: { payload_retention_days: 7 } });
    const [viewer, owner] = await Promise.all(
      ["viewer", "admin"].map((role) => makeKey(gateway, { tenant: tenant.id, role })),
    );
    for (let count = 0; count < 3; count++) await (await tenant.chat()).arrayBuffer();
    const ids = (await recordsOf(gateway, tenant.id)).map(({ id }) => id);
    return { tenant, ids, keys: { viewer: viewer?.key ?? "", admin: owner?.key ?? "" } };
  };
  return { one: await make(), other: await make() };
}

const { one, other } = await twoTenants();

const get = (path: string, key: string, method = "GET"): Promise<Response> =>
  gateway.fetch(path, { method, headers: { authorization: `Bearer ${key}` } });

const [own = ""] = one.ids;
const [foreign = ""] = other.ids;
const paths = {
  usage: "/v1/usage",
  list: "/v1/audit",
  record: `/v1/audit/${own}`,
  payload: `/v1/audit/${own}/payload`,
};

describe("roles", () => {
  const { viewer, admin } = one.keys;
  const rows: [string, string, Record<keyof typeof paths, number>][] = [
    ["inference", one.tenant.key, { usage: 403, list: 403, record: 403, payload: 403 }],
    ["viewer", viewer, { usage: 200, list: 200, record: 200, payload: 403 }],
    ["admin", admin, { usage: 200, list: 200, record: 200, payload: 200 }],
    ["nobody", "sk-unknown", { usage: 401, list: 401, record: 401, payload: 401 }],
  ];
  test.each(rows)("%s", async (_role, key, wanted) => {
    const statuses = Object.entries(paths).map(
      async ([name, path]) => [name, (await get(path, key)).status] as const,
    );
    expect(Object.fromEntries(await Promise.all(statuses))).toEqual(wanted);
  });

  test("only an admin erases payloads", async () => {
    for (const key of [one.tenant.key, viewer]) {
      expect((await get(paths.payload, key, "DELETE")).status).toBe(403);
    }
    expect((await get(paths.payload, admin)).status).toBe(200);
  });

  test("the platform names the tenant whose records it wants", async () => {
    for (const path of Object.values(paths)) {
      const unnamed = await gateway.fetch(path, asPlatform(gateway));
      expect(unnamed.status).toBe(400);
      expect(await unnamed.text()).toContain("?tenant=");
      const named = `${path}?tenant=${one.tenant.id}`;
      expect((await gateway.fetch(named, asPlatform(gateway))).status).toBe(200);
      const unknown = `${path}?tenant=nobody`;
      expect((await gateway.fetch(unknown, asPlatform(gateway))).status).toBe(404);
    }
  });

  test("a record of another tenant than the named one is not found, for the platform too", async () => {
    const path = `/v1/audit/${foreign}?tenant=${one.tenant.id}`;
    expect((await gateway.fetch(path, asPlatform(gateway))).status).toBe(404);
  });
});

describe("another tenant", () => {
  test("is not found, whether there is one or not, and its records neither", async () => {
    const { admin } = one.keys;
    const answers = new Set<string>();
    const there = [`/v1/audit/${foreign}`, `/v1/audit/${foreign}/payload`];
    const notThere = [`/v1/audit/${newId()}`, `/v1/audit/${newId()}/payload`];
    for (const path of [...there, ...notThere]) {
      const answer = await get(path, admin);
      const { error } = (await answer.json()) as { error: { message: string } };
      answers.add(`${path.includes("payload")} ${answer.status} ${error.message}`);
    }
    expect(answers.size).toBe(2);
    for (const tenant of [other.tenant.id, "nobody"]) {
      for (const path of ["/v1/usage", "/v1/audit"]) {
        const answer = await get(`${path}?tenant=${tenant}`, admin);
        expect(answer.status).toBe(404);
        expect(await answer.text()).toContain("There is no such tenant.");
      }
    }
  });

  test("has nothing erased by whoever knows its ids", async () => {
    const erasing = await get(`/v1/audit/${foreign}/payload`, one.keys.admin, "DELETE");
    expect(erasing.status).toBe(404);
    const still = await get(`/v1/audit/${foreign}/payload`, other.keys.admin);
    expect(still.status).toBe(200);
  });

  test("cannot be reached by filters, cursors or groups", async () => {
    const { admin } = one.keys;
    const cursor = Buffer.from(foreign).toString("base64url");
    const queries = [
      `key=${other.tenant.keyId}`,
      `cursor=${cursor}`,
      `tag=tenant%3D${other.tenant.id}`,
      `limit=1000`,
    ];
    const foreignIds = new Set(other.ids);
    for (const query of queries) {
      const answer = await get(`/v1/audit?${query}`, admin);
      const { data } = (await answer.json()) as { data: { id: string; tenant: string }[] };
      expect(data.filter(({ id }) => foreignIds.has(id))).toEqual([]);
      expect(data.every(({ tenant }) => tenant === one.tenant.id)).toBe(true);
    }
    const usage = await (await get("/v1/usage?group_by=key", admin)).text();
    expect(usage).not.toContain(other.tenant.keyId);
    const twice = await get(`/v1/audit?tenant=${one.tenant.id}&tenant=${other.tenant.id}`, admin);
    expect(await twice.text()).not.toContain(other.tenant.id);
  });

  test("2,000 guessed ids, its own among them, give nothing away", async () => {
    const leaks: string[] = [];
    const authorization = `Bearer ${one.keys.admin}`;
    const pool = new Pool(gateway.url, { connections: 4, pipelining: 25 });
    const guess = async (id: string): Promise<void> => {
      const path = `/v1/audit/${id}`;
      const { statusCode, body } = await pool.request({
        path,
        method: "GET",
        headers: { authorization },
      });
      const text = await body.text();
      if (statusCode !== 404 || text.includes(other.tenant.id)) leaks.push(`${id} ${statusCode}`);
    };
    // Neighbours of an id that there is, in the same millisecond, and those that there are.
    const time = foreign.slice(0, 10);
    const guesses = Array.from({ length: 2_000 }, (_, index) =>
      index % 100 === 0 ? (other.ids[index % other.ids.length] ?? "") : time + newId().slice(10),
    );
    await Promise.all(guesses.map(guess));
    await pool.destroy();
    expect(leaks).toEqual([]);
  });
});

test.each([
  ["a path", "../../meta.db"],
  ["a null byte", "\0"],
  ["SQL", "'; DROP TABLE records; --"],
  ["a time beyond what ids have", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ"],
  ["far too much", "a".repeat(2_000)],
])("an id that is none is not found: %s", async (_what, id) => {
  const answer = await get(`/v1/audit/${encodeURIComponent(id)}`, one.keys.admin);
  expect(answer.status).toBe(404);
});
