import { setTimeout as sleep } from "node:timers/promises";

/** What became of one request of the demo, as its client saw it. */
export interface Answered {
  /** 499 for a client that left, 0 for a connection that was cut. */
  readonly status: number;
  /** `x-sentinel-cache`. */
  readonly cache: string | undefined;
  readonly requestId: string | undefined;
  readonly attempts: number;
  /** Who asked. */
  readonly key: string | undefined;
}

export interface Asked {
  readonly path: string;
  /** Absent: a GET. Text goes out as it is. */
  readonly body?: object | string | undefined;
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The client leaves after so long. */
  readonly leaveAfterMs?: number;
}

/** A client of the demo's gateway. It never rejects: what goes wrong is what the demo shows. */
export class DemoClient {
  readonly #url: string;
  readonly #onAnswer: (answered: Answered) => void;
  readonly #signal: AbortSignal;

  constructor(url: string, signal: AbortSignal, onAnswer: (answered: Answered) => void) {
    this.#url = url;
    this.#signal = signal;
    this.#onAnswer = onAnswer;
  }

  async ask(asked: Asked): Promise<Answered> {
    const answered = await this.#send(asked);
    if (!this.#signal.aborted) this.#onAnswer(answered);
    return answered;
  }

  async #send({ path, body, key, headers, leaveAfterMs }: Asked): Promise<Answered> {
    const leaving = new AbortController();
    const leave = (): void => {
      leaving.abort();
    };
    this.#signal.addEventListener("abort", leave, { once: true });
    const timer = leaveAfterMs === undefined ? undefined : setTimeout(leave, leaveAfterMs);
    let head = headOf(new Headers(), key);
    try {
      const response = await fetch(this.#url + path, {
        ...requestOf({ body, key, headers }),
        signal: leaving.signal,
      });
      head = headOf(response.headers, key);
      await response.arrayBuffer();
      return { status: response.status, ...head };
    } catch {
      // It left, or the gateway cut a stream that had broken: both are what was to be shown.
      return { status: leaving.signal.aborted ? 499 : 0, ...head };
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener("abort", leave);
    }
  }
}

function requestOf({ body, key, headers = {} }: Omit<Asked, "path">): RequestInit {
  return {
    method: body === undefined ? "GET" : "POST",
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
  };
}

const headOf = (headers: Headers, key: string | undefined): Omit<Answered, "status"> => ({
  cache: headers.get("x-sentinel-cache") ?? undefined,
  requestId: headers.get("x-request-id") ?? undefined,
  attempts: Number(headers.get("x-sentinel-attempts") ?? 0),
  key,
});

/** Asks the control plane; rejects unless it does as asked. */
export async function askAdmin(
  { url, adminToken }: { readonly url: string; readonly adminToken: string },
  path: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/admin/v1${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

/** Resolves when the semantic cache has learnt from all that was answered, or after `patienceMs`. */
export async function untilLearnt(url: string, patienceMs = 10_000): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  while (performance.now() < deadlineMs) {
    const health = (await (await fetch(`${url}/health`)).json()) as Health;
    const { waiting = 0, running = 0 } = health.cache?.semantic?.learning ?? {};
    if (waiting + running === 0) return;
    await sleep(pollMs);
  }
}

const pollMs = 10;

interface Health {
  readonly cache?: {
    readonly semantic?: { readonly learning?: { waiting?: number; running?: number } };
  } | null;
}
