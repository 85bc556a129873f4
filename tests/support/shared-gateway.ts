import { afterAll } from "vitest";

import { startGateway } from "./gateway.ts";
import { untilTrue } from "./redis.ts";
import type { TestGateway } from "./gateway.ts";

/** Gives a gateway with this `sentinel.yaml`. Closing it gives it back. */
export type LendGateway = (yaml: string) => Promise<TestGateway>;

/**
 * One gateway for the tests of a file, to be called where they stand: each test gets it with its own configuration, as on a
 * reload. To start one takes 0.2 s of the processor, and most of what tests say does not depend on what it served before:
 * a provider that has changed, be it by its port, begins anew. It is lent when nothing runs any more, and has forgotten what
 * it logged. Who asks while it is taken gets another. Not for tests of what is kept beyond that (metrics, reports, tenants)
 * or of a gateway's end.
 */
export function shareGateway(env: Readonly<Record<string, string>> = {}): LendGateway {
  let shared: TestGateway | undefined;
  let isTaken = false;
  afterAll(() => shared?.close());
  const giveBack = (): Promise<void> => {
    isTaken = false;
    return Promise.resolve();
  };
  return async (yaml) => {
    if (isTaken) return startGateway({ env, yaml });
    isTaken = true;
    try {
      if (shared === undefined) shared = await startGateway({ env, yaml });
      else await reuse(shared, yaml);
    } catch (error) {
      isTaken = false;
      throw error;
    }
    return { ...shared, close: giveBack, [Symbol.asyncDispose]: giveBack };
  };
}

async function reuse(gateway: TestGateway, yaml: string): Promise<void> {
  await untilTrue("the requests of the test before have ended", async () => {
    const health = (await (await gateway.fetch("/health")).json()) as { inflight_requests: number };
    return health.inflight_requests === 0;
  });
  gateway.forgetLines();
  await gateway.reload(yaml);
}
