import type { MiddlewareHandler } from "hono";

import { newId } from "../../lib/ids.ts";
import type { AppEnv } from "../context.ts";

/** Gives every request its ULID and notes when it came. First of all, so that everything after can name it. */
export const requestId: MiddlewareHandler<AppEnv> = (c, next) => {
  c.set("requestId", newId());
  c.set("arrivedTickMs", performance.now());
  return next();
};

const clientRequestIdMax = 128;

/** The client's own `x-request-id`, if it is one that can be written down; kept beside ours. */
export function clientRequestId(header: string | string[] | undefined): string | undefined {
  if (typeof header !== "string" || header === "") return undefined;
  const isPlain = header.length <= clientRequestIdMax && /^[\x21-\x7e]+$/.test(header);
  return isPlain ? header : undefined;
}
