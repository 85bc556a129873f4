import { setTimeout as wait } from "node:timers/promises";

import { Agent, request } from "undici";

/** Posts JSON to addresses that the platform's admin has set. */
export interface WebhookSender extends AsyncDisposable {
  /** Tries a few times, for about a minute. Never rejects. */
  post(url: string, body: string, signal: AbortSignal): Promise<Delivery>;
}

/** `refused`: trying again would not help. `failed`: it may. The reason never holds the address. */
export type Delivery =
  { readonly kind: "delivered" } | { readonly kind: "refused" | "failed"; readonly reason: string };

export interface RetryPlan {
  readonly triesMax: number;
  /** Before the second try; twice as long before each one after. */
  readonly firstDelayMs: number;
  /** For one try, all of it. */
  readonly answerMs: number;
}

export const defaultRetryPlan: RetryPlan = { triesMax: 5, firstDelayMs: 1_000, answerMs: 10_000 };

const connectMs = 5_000;
const connectionsMax = 8;

export function openWebhookSender(plan: RetryPlan = defaultRetryPlan): WebhookSender {
  const agent = new Agent({ connect: { timeout: connectMs }, connections: connectionsMax });
  return {
    async post(url, body, signal) {
      let delivery: Delivery = { kind: "failed", reason: "it was not tried" };
      for (let tries = 1; tries <= plan.triesMax; tries += 1) {
        if (signal.aborted) return delivery;
        delivery = await postOnce(agent, { url, body, answerMs: plan.answerMs, signal });
        if (delivery.kind !== "failed" || tries === plan.triesMax) return delivery;
        const delayMs = plan.firstDelayMs * 2 ** (tries - 1);
        await pause(delayMs * (0.5 + Math.random() / 2), signal);
      }
      return delivery;
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

interface Post {
  readonly url: string;
  readonly body: string;
  readonly answerMs: number;
  readonly signal: AbortSignal;
}

async function postOnce(agent: Agent, { url, body, answerMs, signal }: Post): Promise<Delivery> {
  // Not `AbortSignal.any`: the other signal lives as long as the process. (nodejs/node#64476)
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new Error(`no answer in ${answerMs} ms`)), answerMs);
  const stop = () => limit.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    // Redirects are not followed.
    const answer = await request(url, {
      dispatcher: agent,
      method: "POST",
      headers: { "content-type": "application/json", "user-agent": "sentinel" },
      body,
      signal: limit.signal,
    });
    // Its status has said all: a body that breaks off changes nothing.
    await answer.body.dump({ limit: answerBytesMax }).catch(() => undefined);
    return deliveryOf(answer.statusCode);
  } catch (error) {
    return { kind: "failed", reason: reasonOf(error) };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

/** What is said beyond the status is of no use to us. */
const answerBytesMax = 16_384;

function deliveryOf(status: number): Delivery {
  if (status >= 200 && status < 300) return { kind: "delivered" };
  const mayHelp = status >= 500 || status === 408 || status === 425 || status === 429;
  return { kind: mayHelp ? "failed" : "refused", reason: `it answered ${status}` };
}

/** A system's code such as `ECONNREFUSED`, not its message: that has the address in it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "the request failed";
  const code: unknown = Reflect.get(error, "code");
  return typeof code === "string" ? code : error.name;
}

/** Ends early, and without an error, when the signal says so. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, { signal, ref: false });
  } catch {
    // Aborted: the caller looks at the signal itself.
  }
}
