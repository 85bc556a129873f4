import type { Context } from "hono";

import { Failure } from "../errors.ts";
import type { ListPosition, ListRequest } from "../tenants/tenant-store.ts";
import type { AppEnv } from "./context.ts";

/** A list as every route of ours answers with it. */
export interface Page<Item> {
  readonly object: "list";
  readonly data: readonly Item[];
  readonly has_more: boolean;
  /** To be sent as `cursor` for the next page; `null` on the last. */
  readonly next_cursor: string | null;
}

const limitDefault = 20;
const limitMax = 100;

/** `?limit` and `?cursor`. Throws `invalid_value`. */
export function readPage(c: Context<AppEnv>): ListRequest {
  const limit = c.req.query("limit") ?? String(limitDefault);
  if (!/^\d{1,3}$/.test(limit) || Number(limit) < 1 || Number(limit) > limitMax) {
    const message = `limit must be a whole number from 1 to ${limitMax}.`;
    throw new Failure("invalid_value", message, { param: "limit" });
  }
  const cursor = c.req.query("cursor");
  return { limit: Number(limit), after: cursor === undefined ? undefined : fromCursor(cursor) };
}

/** One row more than the page holds tells whether there is another page. */
export function onePastPage<Request extends ListRequest>(request: Request): Request {
  return { ...request, limit: request.limit + 1 };
}

/** The page made of what `onePastPage` asked for. */
export function toPage<Row extends ListPosition, Item>(
  rows: readonly Row[],
  { limit }: ListRequest,
  present: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit;
  return {
    object: "list",
    data: shown.map(present),
    has_more: hasMore,
    next_cursor: hasMore && last !== undefined ? toCursor(last) : null,
  };
}

function toCursor({ createdAtMs, id }: ListPosition): string {
  return Buffer.from(`${createdAtMs}.${id}`).toString("base64url");
}

function fromCursor(cursor: string): ListPosition {
  const [, createdAtMs, id] =
    /^(\d{1,15})\.(.{1,200})$/.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  if (createdAtMs === undefined || id === undefined) {
    const message = "cursor must be the next_cursor of a page before.";
    throw new Failure("invalid_value", message, { param: "cursor" });
  }
  return { createdAtMs: Number(createdAtMs), id };
}
