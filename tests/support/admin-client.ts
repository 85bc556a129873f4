import type { TestGateway } from "./gateway.ts";

/** A key as `POST /admin/v1/keys` shows it, once. */
export interface MadeKey {
  readonly id: string;
  readonly key: string;
}

/** Asks the admin API, with the platform's token; rejects unless it does as asked. */
export async function admin(
  gateway: TestGateway,
  what: string,
  body?: object,
): Promise<Record<string, unknown>> {
  const [method = "GET", path = ""] = what.split(" ");
  const answer = await fetch(`${gateway.adminUrl ?? gateway.url}/admin/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${gateway.adminToken}`,
      "content-type": "application/json",
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${what}: ${answer.status} ${text}`);
  return JSON.parse(text) as Record<string, unknown>;
}

/** Makes a key of tenant `default` for the data plane, or another with these fields. */
export async function makeKey(gateway: TestGateway, fields: object = {}): Promise<MadeKey> {
  const made = await admin(gateway, "POST /keys", { name: "test", role: "inference", ...fields });
  return { id: String(made["id"]), key: String(made["key"]) };
}

export async function inflightCount(gateway: TestGateway): Promise<unknown> {
  const answer = await fetch(`${gateway.url}/health`);
  return ((await answer.json()) as Record<string, unknown>)["inflight_requests"];
}

/** Waits until the gateway says that it is answering nobody. Rejects after five seconds. */
export async function untilNothingRuns(gateway: TestGateway): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  while ((await inflightCount(gateway)) !== 0) {
    if (performance.now() > deadlineMs) throw new Error("requests run that should be over");
  }
}
