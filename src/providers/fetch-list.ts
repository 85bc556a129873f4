import { Failure } from "../errors.ts";
import { basePathOf } from "./adapter-options.ts";
import type { AdapterOptions } from "./adapter-options.ts";
import { defaultDeadlines } from "./deadlines.ts";
import { readAll } from "./transport/read-all.ts";
import { sendUpstream } from "./transport/send.ts";

const listBytesMax = 8 * 1024 * 1024;

/**
 * The JSON of a vendor's list of models, or of a page of it. `path` is below the base URL; `headers` are names
 * and values in turn. Rejects with a `Failure` if the vendor does not tell.
 */
export async function fetchList(
  options: AdapterOptions,
  { path, headers }: { readonly path: string; readonly headers: string[] },
  signal: AbortSignal,
): Promise<unknown> {
  const { name } = options;
  const response = await sendUpstream(options.pools, {
    method: "GET",
    path: `${basePathOf(options)}${path}`,
    headers,
    body: null,
    signal,
    deadlines: defaultDeadlines,
    deadlineTickMs: Number.POSITIVE_INFINITY,
    upstreamName: name,
  });
  const bytes = await readAll(response.body, listBytesMax, name);
  if (response.status !== 200) throw noList(name);
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw noList(name, error);
  }
}

/** For an answer that is no list. */
export function noList(name: string, cause?: unknown): Failure {
  return new Failure("upstream_error", `${name} does not list its models.`, { cause });
}
