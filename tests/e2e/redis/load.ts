import { setTimeout as pause } from "node:timers/promises";

import { chatBody } from "../../support/one-upstream.ts";
import {
  chatChunk,
  completion,
  done,
  stream,
  usageChunk,
  whole,
} from "../../support/scripted-upstream.ts";
import type { Script } from "../../support/scripted-upstream.ts";
import type { FleetTenant } from "./fleet.ts";
import type { Seen } from "./ledger.ts";

const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };

/** Answers at once, in the form that is asked for. */
export const promptUpstream: Script = (response, request, socket) => {
  const answer =
    request.json?.["stream"] === true
      ? stream([chatChunk({ content: "ok" }), chatChunk({}, "stop") + usageChunk(usage) + done])
      : whole(completion("ok", { usage }));
  return answer(response, request, socket);
};

export interface Load {
  readonly seen: readonly Seen[];
  stop(): Promise<void>;
}

/** Between two requests of a client. */
const paceMs = 30;

/** For each tenant one client that asks for whole answers and one for streams, one request after the other. */
export function startLoad(url: string, tenants: readonly FleetTenant[]): Load {
  const seen: Seen[] = [];
  const stopped = new AbortController();
  const client = async (tenant: FleetTenant, isStream: boolean): Promise<void> => {
    while (!stopped.signal.aborted) {
      seen.push(await ask(url, tenant, isStream));
      await pause(paceMs);
    }
  };
  const clients = tenants.flatMap((tenant) => [client(tenant, false), client(tenant, true)]);
  return {
    seen,
    stop: async () => {
      stopped.abort();
      await Promise.all(clients);
    },
  };
}

export async function ask(
  url: string,
  { id: tenant, key }: Pick<FleetTenant, "id" | "key">,
  isStream = false,
): Promise<Seen> {
  const startedMs = performance.now();
  const more = isStream ? { stream: true, stream_options: { include_usage: true } } : {};
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(chatBody({ max_tokens: 10, ...more })),
  });
  const text = await answer.text();
  const { headers } = answer;
  return {
    tenant,
    isStream,
    status: isStream && isCut(answer.status, text) ? 0 : answer.status,
    code: found(/"code":"(\w+)"/, text),
    message: found(/"message":"([^"]+)"/, text),
    id: headers.get("x-request-id") ?? "",
    costUsd: headers.get("x-sentinel-cost-usd") ?? found(/"cost_usd":"([\d.]+)"/, text),
    degraded: headers.get("x-sentinel-degraded")?.split(/,\s*/) ?? [],
    startedMs,
    tookMs: performance.now() - startedMs,
  };
}

/** A stream that did not come to its end. */
const isCut = (status: number, text: string): boolean => status === 200 && !text.includes("[DONE]");

const found = (pattern: RegExp, text: string): string | undefined => pattern.exec(text)?.[1];
