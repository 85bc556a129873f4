import type { Context } from "hono";
import type { z } from "zod";

import { fieldPath } from "../config/field-types.ts";
import { Failure } from "../errors.ts";
import type { AppEnv } from "./context.ts";
import { parseBody } from "./read-body.ts";

const limits = { bodyBytesMax: 1024 * 1024, jsonDepthMax: 32, bodyMs: 0 };

/**
 * The body of an admin request, checked; no body counts as `{}`. Throws `invalid_json`, `invalid_value` with
 * the field as `param`, `body_too_large`. The schema's messages are ends of sentences, as those of
 * `config/field-types.ts`.
 */
export async function readAdminJson<Schema extends z.ZodType>(
  c: Context<AppEnv>,
  schema: Schema,
): Promise<z.output<Schema>> {
  const bytes = await collect(c.req.raw.body);
  return checkAdminJson(bytes.length === 0 ? {} : parseBody(bytes, limits).request.value, schema);
}

/** Throws `invalid_value` with the first field at fault. */
export function checkAdminJson<Schema extends z.ZodType>(
  value: unknown,
  schema: Schema,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue === undefined) throw new Failure("invalid_value", "The body is not valid.");
  const isUnknown = issue.code === "unrecognized_keys";
  const path = isUnknown ? [...issue.path, issue.keys[0] ?? ""] : issue.path;
  const subject = issue.path.length === 0 ? "The body" : fieldPath(issue.path);
  throw new Failure("invalid_value", `${subject} ${issue.message}.`, {
    ...(path.length > 0 && { param: fieldPath(path) }),
    ...(isUnknown && { code: "unknown_parameter" }),
  });
}

async function collect(body: ReadableStream<Uint8Array> | null): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body ?? []) {
    bytes += part.length;
    if (bytes > limits.bodyBytesMax) {
      throw new Failure(
        "body_too_large",
        `The body is larger than ${limits.bodyBytesMax} bytes, the limit of the admin API.`,
      );
    }
    parts.push(part);
  }
  return Buffer.concat(parts, bytes);
}
