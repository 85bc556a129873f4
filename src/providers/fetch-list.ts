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
  if (response.status !== 200) throw noList(name, new ListRefused(response.status, bytes));
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw noList(name, error);
  }
}

/** Why there is no list: the vendor answered with an error. */
export class ListRefused extends Error {
  override readonly name = "ListRefused";
  readonly status: number;
  readonly #body: Buffer;

  constructor(status: number, body: Buffer) {
    super(`It answered ${status}.`);
    this.status = status;
    this.#body = body;
  }

  /** Whether its words have this. They are not shown: some vendors quote the key. */
  says(words: RegExp): boolean {
    return words.test(this.#body.subarray(0, wordsBytesMax).toString("utf8"));
  }
}

const wordsBytesMax = 4_096;

/** For an answer that is no list. */
export function noList(name: string, cause?: unknown): Failure {
  return new Failure("upstream_error", `${name} does not list its models.`, { cause });
}
