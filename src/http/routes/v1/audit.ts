import { Readable } from "node:stream";

import { Hono } from "hono";
import type { Context } from "hono";

import { Failure } from "../../../errors.ts";
import { nanoUsdFrom } from "../../../lib/usd.ts";
import type {
  AuditLog,
  AuditPage,
  AuditQuery,
  StoredRecord,
} from "../../../pipeline/audit/audit-log.ts";
import type { AppEnv } from "../../context.ts";
import { bad, readCount, readSpan, readText, readWord, refuseUnknown } from "../../report-query.ts";
import { reportedTenant, requireAdminRole } from "../../reporting-scope.ts";
import type { HasTenant } from "../../reporting-scope.ts";

export interface AuditRoutesDeps {
  readonly auditLog: AuditLog;
  readonly hasTenant: HasTenant;
  /** Resolves when what was settled so far can be read, or after a moment. */
  readonly settled: () => Promise<void>;
  readonly nowMs: () => number;
  /** Forgets what is still to be judged of a request; resolves to whether there was anything. */
  readonly forgetJudged: (tenantId: string, requestId: string) => Promise<boolean>;
}

/** `/v1/audit`: the records of one tenant, the newest start first. */
export function auditRoutes(deps: AuditRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.get("/", async (c) => {
    const tenantId = await reportedTenant(c, deps.hasTenant);
    const query = readQuery(c, tenantId, deps.nowMs());
    await deps.settled();
    const wantsLines = c.req.header("accept")?.includes("application/x-ndjson") === true;
    return wantsLines ? exported(query, c, deps) : page(await fullPage(deps.auditLog, query));
  });
  routes.get("/:id", async (c) => {
    const tenantId = await reportedTenant(c, deps.hasTenant);
    const id = requestIdOf(c);
    await deps.settled();
    const record = await deps.auditLog.get(tenantId, id);
    if (record === undefined) throw noSuchRecord();
    return json(shown(record));
  });
  routes.get("/:id/payload", async (c) => {
    const tenantId = await reportedTenant(c, deps.hasTenant);
    requireAdminRole(c, "Prompts and answers are for admins.");
    const id = requestIdOf(c);
    await deps.settled();
    const payload = await deps.auditLog.payload(tenantId, id);
    if (payload === undefined) throw noSuchPayload();
    return c.json({ object: "audit.payload", request_id: id, ...payload });
  });
  routes.delete("/:id/payload", async (c) => {
    const tenantId = await reportedTenant(c, deps.hasTenant);
    requireAdminRole(c, "Prompts and answers are erased by admins.");
    const id = requestIdOf(c);
    await deps.settled();
    if ((await deps.auditLog.get(tenantId, id)) === undefined) throw noSuchRecord();
    const isErased = await deps.auditLog.erasePayload(tenantId, id);
    // Where it fails, whoever asked is told, and asks again: otherwise it would be judged as if nothing had been said.
    const isForgotten = await deps.forgetJudged(tenantId, id);
    if (!isErased && !isForgotten) throw noSuchPayload();
    return c.json({ object: "audit.payload.deleted", request_id: id, deleted: true });
  });
  return routes;
}

const limitDefault = 20;
const limitMax = 1_000;

const knownQueries = [
  "tenant",
  "from",
  "to",
  "model",
  "provider",
  "key",
  "status",
  "outcome",
  "cache",
  "tag",
  "min_cost_usd",
  "limit",
  "cursor",
];

function readQuery(c: Context<AppEnv>, tenantId: string, nowMs: number): AuditQuery {
  refuseUnknown(c.req.query(), knownQueries);
  const query = (name: string): string | undefined => c.req.query(name);
  return {
    tenantId,
    ...readSpan(query, nowMs),
    model: readText(query, "model"),
    provider: readText(query, "provider"),
    keyId: readText(query, "key"),
    status: readCount(query, "status", { min: 100, max: 599 }),
    outcome: readText(query, "outcome"),
    cache: readWord(query, "cache", ["exact", "semantic", "miss", "bypass"]),
    tag: readTag(query("tag")),
    minCostNanoUsd: readCost(query("min_cost_usd")),
    limit: readCount(query, "limit", { min: 1, max: limitMax }) ?? limitDefault,
    after: readCursor(query("cursor")),
  };
}

function readTag(text: string | undefined): AuditQuery["tag"] {
  if (text === undefined || text === "") return undefined;
  const equals = text.indexOf("=");
  if (equals < 1 || text.length > 256) throw bad("tag", "must be written as team=a");
  return { name: text.slice(0, equals), value: text.slice(equals + 1) };
}

function readCost(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const nanoUsd = nanoUsdFrom(text);
  if (nanoUsd !== undefined) return nanoUsd;
  throw bad(
    "min_cost_usd",
    'must be US dollars with at most nine digits after the point, as "0.05"',
  );
}

const ulid = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** A cursor is the id of the last record before it, and says so to nobody. */
function readCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined || cursor === "") return undefined;
  const id = Buffer.from(cursor, "base64url").toString();
  if (ulid.test(id)) return id;
  throw bad("cursor", "must be the next_cursor of a page before");
}

const toCursor = (id: string): string => Buffer.from(id).toString("base64url");

function requestIdOf(c: Context<AppEnv>): string {
  const id = c.req.param("id") ?? "";
  if (ulid.test(id)) return id;
  throw noSuchRecord();
}

/** How many short pages are put together before the caller is told to come back. */
const readsMax = 10;

/** A store that looks at so many records in one call, and finds few that match, is asked again. */
async function fullPage(auditLog: AuditLog, query: AuditQuery): Promise<AuditPage> {
  const records: StoredRecord[] = [];
  let after = query.after;
  for (let reads = 0; reads < readsMax; reads++) {
    const limit = query.limit - records.length;
    const found = await auditLog.list({ ...query, limit, after });
    records.push(...found.records);
    after = found.next;
    if (after === undefined || records.length >= query.limit) break;
  }
  return { records, next: after };
}

/** The records' own text: what was hashed is what is shown. */
function page({ records, next }: AuditPage): Response {
  const data = records.map(shown).join(",");
  const cursor = next === undefined ? "null" : JSON.stringify(toCursor(next));
  const body = `{"object":"list","data":[${data}],"has_more":${next !== undefined},"next_cursor":${cursor}}`;
  return json(body);
}

const json = (body: string): Response =>
  new Response(body, { headers: { "content-type": "application/json" } });

/** The record's text with its place in the chain, and what was said of it later, at its end. */
function shown({ id, text, writer, seq, prevHash, hash, amendments }: StoredRecord): string {
  const own = text === "" ? expired(id) : text;
  const chain = JSON.stringify({ writer, seq, prev_hash: prevHash, hash }).slice(1, -1);
  return `${own.slice(0, -1)},${chain},"amendments":[${amendments.join(",")}]}`;
}

/** The tenant's retention has emptied it; its hash stays, so that the chain can be checked. */
const expired = (id: string): string =>
  JSON.stringify({ id, object: "audit.record", expired: true });

const exportPageRows = 500;

/** One record a line, page after page as the client takes them. With `limit`, so many at most. */
function exported(query: AuditQuery, c: Context<AppEnv>, { auditLog }: AuditRoutesDeps): Response {
  // As everywhere, what is empty is not given.
  const rowsMax = (c.req.query("limit") ?? "") === "" ? Number.POSITIVE_INFINITY : query.limit;
  const lines = Readable.from(linesOf(auditLog, query, rowsMax), { objectMode: false });
  const body = Readable.toWeb(lines) as unknown as ReadableStream;
  return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
}

async function* linesOf(
  auditLog: AuditLog,
  query: AuditQuery,
  rowsMax: number,
): AsyncGenerator<Buffer> {
  let left = rowsMax;
  let after = query.after;
  do {
    const limit = Math.min(exportPageRows, left);
    const found = await auditLog.list({ ...query, limit, after });
    left -= found.records.length;
    after = found.next;
    const lines = found.records.map((record) => `${shown(record)}\n`).join("");
    if (lines !== "") yield Buffer.from(lines);
  } while (after !== undefined && left > 0);
}

function noSuchRecord(): Failure {
  const message = "There is no such record. GET /v1/audit lists those that there are.";
  return new Failure("not_found", message);
}

function noSuchPayload(): Failure {
  const message =
    "No prompt and answer are kept for this request: the tenant does not have them kept, or not any more.";
  return new Failure("not_found", message);
}
