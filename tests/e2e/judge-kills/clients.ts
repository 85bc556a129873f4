import { setTimeout as pause } from "node:timers/promises";

import type { Fleet, GatewayRun } from "../kills/fleet.ts";
import type { ProofKey } from "../kills/proof-tenants.ts";
import { drawCall, questionOf } from "./calls.ts";
import type { Call } from "./calls.ts";
import { answeringModel } from "./prices.ts";
import type { JudgeTenant } from "./tenants.ts";

/** What a client got to see of its call. */
export interface Seen {
  readonly call: Call;
  /** Undefined: it never saw headers. */
  readonly requestId: string | undefined;
  readonly end: ClientEnd;
}

/** `complete`: all of it; `refused`: an error with a body; `cut`: the connection broke; `left`: by itself. */
export type ClientEnd = "complete" | "refused" | "cut" | "left";

export interface Clients {
  readonly seen: readonly Seen[];
  /** Resolves when all calls are over. */
  readonly done: Promise<unknown>;
}

/** So many clients, each with one call after the other, until so many calls were made. */
export function startClients(options: {
  readonly count: number;
  readonly requests: number;
  readonly fleet: Fleet;
  readonly tenants: readonly JudgeTenant[];
  readonly keys: readonly ProofKey[];
  readonly random: () => number;
}): Clients {
  const { count, requests, fleet, tenants, keys, random } = options;
  const seen: Seen[] = [];
  let calls = 0;
  const work = async (): Promise<void> => {
    while (calls < requests) {
      calls += 1;
      const tenant = drawTenant(tenants, random);
      const call = drawCall(random, tenant, calls);
      const key = keys.find((one) => one.tenant === tenant);
      if (key !== undefined) seen.push(await sendUntilTaken(call, key, () => fleet.anyone(random)));
    }
  };
  return { seen, done: Promise.all(Array.from({ length: count }, work)) };
}

function drawTenant(tenants: readonly JudgeTenant[], random: () => number): string {
  let at = random();
  for (const { id, share } of tenants) {
    at -= share;
    if (at < 0) return id;
  }
  return tenants[0]?.id ?? "";
}

/** A connection that nobody took was no call. */
async function sendUntilTaken(
  call: Call,
  key: ProofKey,
  anyone: () => Promise<GatewayRun>,
): Promise<Seen> {
  for (;;) {
    const seen = await send(call, key, await anyone());
    if (seen !== undefined) return seen;
    // Whoever came back at once would only burn the machine.
    await pause(10);
  }
}

async function send(call: Call, key: ProofKey, { url }: GatewayRun): Promise<Seen | undefined> {
  const leaving = new AbortController();
  let requestId: string | undefined;
  try {
    const response = await ask(call, key, url, leaving.signal);
    requestId = response.headers.get("x-request-id") ?? undefined;
    if (!response.ok) {
      await response.text();
      return { call, requestId, end: "refused" };
    }
    if (call.kind === "left") {
      await response.body?.getReader().read();
      leaving.abort();
      return { call, requestId, end: "left" };
    }
    const text = await response.text();
    const isWhole = call.kind === "whole" || text.endsWith("data: [DONE]\n\n");
    return { call, requestId, end: isWhole ? "complete" : "cut" };
  } catch (error) {
    return isNobodyThere(error) ? undefined : { call, requestId, end: "cut" };
  }
}

function isNobodyThere(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
}

const ask = (call: Call, key: ProofKey, url: string, signal: AbortSignal): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    signal,
    headers: {
      authorization: `Bearer ${key.secret}`,
      "content-type": "application/json",
      "x-request-id": call.label,
    },
    body: JSON.stringify({
      model: answeringModel,
      max_tokens: 200,
      messages: [{ role: "user", content: questionOf(call) }],
      ...(call.kind === "whole" ? {} : { stream: true, stream_options: { include_usage: true } }),
    }),
  });
