import { nanoUsdFrom } from "../../lib/usd.ts";
import { costStatuses } from "../../pipeline/cost/cost-status.ts";
import type { Cost } from "../../pipeline/cost/cost-status.ts";
import { readRefusal } from "./refusal.ts";
import type { Failed, Refused } from "./refusal.ts";
import { pathOf } from "./warm-line.ts";
import type { WarmRequest } from "./warm-line.ts";

/** What became of one request. */
export type Sent = Answered | Refused | { readonly kind: "unreachable"; readonly cause: unknown };

export interface Answered {
  readonly kind: "answered";
  /** A miss is an answer that was made now, and kept. */
  readonly cache: CacheWord;
  /** Undefined where the gateway did not say, as for a stream whose request asks for no usage. */
  readonly cost: Cost | undefined;
}

export type CacheWord = (typeof cacheWords)[number];
const cacheWords = ["exact", "semantic", "miss", "bypass"] as const;

export interface Sender {
  readonly url: string;
  readonly key: string;
  /** Beside those that every request has; lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A model that thinks may take minutes; the gateway has shorter limits of its own. */
const answerMs = 600_000;

/** Asks the gateway. What it answers is read to its end, which is when it is stored, and thrown away. */
export async function sendWarm(request: WarmRequest, sender: Sender): Promise<Sent> {
  // Not `AbortSignal.timeout`, which would keep something of each request for all of that time.
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort();
  }, answerMs);
  try {
    return await exchange(request, sender, limit.signal);
  } finally {
    clearTimeout(timer);
  }
}

async function exchange(request: WarmRequest, sender: Sender, limit: AbortSignal): Promise<Sent> {
  let response: Response;
  try {
    response = await post(request, sender, limit);
  } catch (cause) {
    return limit.aborted ? failed("timeout") : { kind: "unreachable", cause };
  }
  try {
    return response.ok ? await readAnswer(response) : await readRefusal(response);
  } catch {
    const { status } = response;
    const requestId = response.headers.get("x-request-id") ?? undefined;
    // What had begun broke off, as a stream does whose provider failed.
    return { ...failed(limit.aborted ? "timeout" : "broken_off"), status, requestId };
  }
}

const post = (
  { endpoint, body }: WarmRequest,
  { url, key, headers }: Sender,
  signal: AbortSignal,
): Promise<Response> =>
  fetch(`${url}${pathOf(endpoint)}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      // All of Anthropic's SDKs send it, and answers to another version are kept apart.
      ...(endpoint === "messages" && { "anthropic-version": "2023-06-01" }),
      ...headers,
      authorization: `Bearer ${key}`,
    },
    body,
    signal,
  });

const failed = (code: string): Failed => ({
  kind: "failed",
  status: undefined,
  code,
  param: undefined,
  requestId: undefined,
});

async function readAnswer(response: Response): Promise<Answered> {
  const tail = await readTail(response);
  const { headers } = response;
  const said = headers.get("x-sentinel-cache");
  const cost =
    costOf(headers.get("x-sentinel-cost-usd"), headers.get("x-sentinel-cost-status")) ??
    costInStream(tail);
  return { kind: "answered", cache: cacheWords.find((word) => word === said) ?? "bypass", cost };
}

/** The chunk that has a stream's usage and cost is its last but one, and far smaller. */
const tailBytesMax = 8 * 1024;

/** The end of what comes, as text. */
async function readTail({ body }: Response): Promise<string> {
  let tail = Buffer.alloc(0);
  for await (const chunk of body ?? []) {
    const last = (chunk as Uint8Array).subarray(-tailBytesMax);
    tail = Buffer.concat([tail, last]).subarray(-tailBytesMax);
  }
  return tail.toString("utf8");
}

/** Beside the usage. Text that a model wrote cannot look like it: its quotation marks are escaped. */
function costInStream(tail: string): Cost | undefined {
  const found = tail.matchAll(
    /"sentinel":\{"cost_usd":"([\d.]{1,20})","cost_status":"([a-z]{1,10})"/g,
  );
  const [, usd, status] = [...found].at(-1) ?? [];
  return costOf(usd ?? null, status ?? null);
}

function costOf(usd: string | null, said: string | null): Cost | undefined {
  const nanoUsd = usd === null ? undefined : nanoUsdFrom(usd);
  const status = costStatuses.find((known) => known === said);
  return nanoUsd === undefined || status === undefined ? undefined : { nanoUsd, status };
}
