import { setTimeout as pause } from "node:timers/promises";

import { chunksOf, dataOf } from "../../support/stream-client.ts";
import type { Fleet, GatewayRun } from "./fleet.ts";
import { drawCall } from "./priced-calls.ts";
import type { Call } from "./priced-calls.ts";
import type { ProofKey } from "./proof-tenants.ts";

/** What a client got to see of its call. */
export interface Seen {
  readonly call: Call;
  readonly key: ProofKey;
  /** Which life of which process it spoke to. */
  readonly run: GatewayRun;
  /** Undefined: it never saw headers. */
  readonly requestId: string | undefined;
  /** Whether Sentinel took it as a call of a model, and did not turn it away at its door. */
  readonly isCall: boolean;
  readonly status: number | undefined;
  readonly end: ClientEnd;
  /** Of the error that it got. */
  readonly code: string | undefined;
  /** As the headers, or the last chunk of a stream, told it. */
  readonly cost: { readonly usd: string; readonly status: string } | undefined;
}

/**
 * `complete`: a whole answer, or a stream with its last mark; `refused`: an error with a body; `cut`: the connection
 * broke; `left`: by itself; `unsent`: nobody took the connection.
 */
export type ClientEnd = "complete" | "refused" | "cut" | "left" | "unsent";

export interface Clients {
  readonly seen: readonly Seen[];
  /** No more calls; resolves when the last is over. */
  stop(): Promise<void>;
}

/** So many clients, each with one call after the other, at whichever gateway is there. */
export function startClients(options: {
  readonly count: number;
  readonly fleet: Fleet;
  readonly keys: readonly ProofKey[];
  readonly random: () => number;
}): Clients {
  const { fleet, keys, random } = options;
  const seen: Seen[] = [];
  let isStopping = false;
  let calls = 0;
  const work = async (): Promise<void> => {
    while (!isStopping) {
      const run = await fleet.anyone(random);
      const key = keys[Math.floor(random() * keys.length)];
      if (key === undefined) return;
      calls += 1;
      const one = await send(drawCall(random, `call-${calls}`), key, run);
      // A client that came back at once would only burn the machine.
      if (one.end === "unsent") await pause(10);
      else seen.push(one);
    }
  };
  const workers = Array.from({ length: options.count }, work);
  return {
    seen,
    stop: async () => {
      isStopping = true;
      await Promise.all(workers);
    },
  };
}

/** Makes one call and reads on until it is over, however that comes about. */
export async function send(call: Call, key: ProofKey, run: GatewayRun): Promise<Seen> {
  const leaving = new AbortController();
  const leave = (): void => {
    leaving.abort();
  };
  const timer =
    call.leavesAfterMs === undefined ? undefined : setTimeout(leave, call.leavesAfterMs);
  let response: Response | undefined;
  let read: Pick<Seen, "end" | "code" | "cost">;
  try {
    response = await ask(call, key, run.url, leaving.signal);
    read = readAnswer(call, response, await response.text());
  } catch (error) {
    const end = leaving.signal.aborted ? "left" : isNobodyThere(error) ? "unsent" : "cut";
    read = { end, code: undefined, cost: undefined };
  }
  clearTimeout(timer);
  return {
    call,
    key,
    run,
    requestId: response?.headers.get("x-request-id") ?? undefined,
    isCall: response?.headers.has("x-sentinel-attempts") ?? false,
    status: response?.status,
    ...read,
  };
}

function readAnswer(
  call: Call,
  response: Response,
  text: string,
): Pick<Seen, "end" | "code" | "cost"> {
  const none = { code: undefined, cost: undefined };
  if (!response.ok) {
    return { ...none, end: "refused", code: /"code":\s*"(\w+)"/.exec(text)?.[1] };
  }
  if (!call.isStream) return { ...none, end: "complete", cost: costInHeaders(response) };
  if (!text.endsWith("data: [DONE]\n\n")) return { ...none, end: "cut" };
  return { ...none, end: "complete", cost: costInStream(text) };
}

function isNobodyThere(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
}

function ask(call: Call, key: ProofKey, url: string, signal: AbortSignal): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    signal,
    headers: {
      authorization: `Bearer ${key.secret}`,
      "content-type": "application/json",
      "x-request-id": call.label,
    },
    body: JSON.stringify({
      model: call.model,
      max_tokens: 2_000,
      messages: [{ role: "user", content: JSON.stringify(call) }],
      ...(call.isStream ? { stream: true, stream_options: { include_usage: true } } : {}),
    }),
  });
}

function costInHeaders({ headers }: Response): Seen["cost"] {
  const usd = headers.get("x-sentinel-cost-usd");
  const status = headers.get("x-sentinel-cost-status");
  return usd === null || status === null ? undefined : { usd, status };
}

function costInStream(text: string): Seen["cost"] {
  const last = chunksOf(dataOf(text)).at(-1) as
    { readonly sentinel?: { readonly cost_usd: string; readonly cost_status: string } } | undefined;
  const told = last?.sentinel;
  return told && { usd: told.cost_usd, status: told.cost_status };
}
