import { chatBody } from "../../support/one-upstream.ts";
import { openRaw, wholeRequest } from "../../support/raw-connection.ts";
import type { RawConnection } from "../../support/raw-connection.ts";
import { completion, whole } from "../../support/scripted-upstream.ts";
import type { Script } from "../../support/scripted-upstream.ts";
import { untilTrue } from "../../support/redis.ts";
import type { Fleet, FleetTenant } from "./fleet.ts";

/** What became of a crowd's requests. */
export interface CrowdOutcome {
  readonly admitted: number;
  /** How often each status with its code came; admitted ones are `200`. */
  readonly answers: Readonly<Record<string, number>>;
  /** Answers that a gateway gave without Redis. */
  readonly degraded: number;
  /** From the first request to the last decision. */
  readonly decidedMs: number;
}

export interface CrowdOptions {
  readonly fleet: Fleet;
  readonly tenant: FleetTenant;
  readonly count: number;
  readonly body?: object;
}

/**
 * So many requests at the same instant, spread over the gateways. None of those that are admitted ends before all
 * are decided, so that nothing is given back meanwhile.
 */
export async function crowd({ fleet, tenant, count, body }: CrowdOptions): Promise<CrowdOutcome> {
  const { upstream, gateways } = fleet;
  const released = Promise.withResolvers<undefined>();
  const answer = whole(completion("ok"));
  const hold: Script = async (...call) => {
    await released.promise;
    await answer(...call);
  };
  upstream.answer(hold);
  const text = JSON.stringify(chatBody({ max_tokens: 10, ...body }));
  const request = wholeRequest(tenant.key, text, ["connection: close"]);
  const clients: RawConnection[] = [];
  for (let at = 0; at < count; at += 1) {
    const gateway = gateways[at % gateways.length] ?? fleet.first;
    clients.push(openRaw(gateway.url));
  }
  try {
    await Promise.all(clients.map(connected));
    const sentMs = performance.now();
    for (const client of clients) client.send(request);
    const isDecided = (): boolean =>
      clients.filter(({ isOver }) => isOver).length + upstream.openCount >= count;
    await untilTrue("all requests are decided", () => Promise.resolve(isDecided()));
    const decidedMs = performance.now() - sentMs;
    const admitted = upstream.openCount;
    released.resolve(undefined);
    await untilTrue("all requests are answered", () =>
      Promise.resolve(clients.every(({ isOver }) => isOver)),
    );
    return { admitted, decidedMs, ...tally(clients) };
  } finally {
    released.resolve(undefined);
    for (const { socket } of clients) socket.destroy();
  }
}

const connected = ({ socket }: RawConnection): Promise<void> =>
  new Promise((resolve, reject) => {
    if (!socket.connecting) resolve();
    socket.once("connect", resolve).once("error", reject);
  });

function tally(clients: readonly RawConnection[]): Pick<CrowdOutcome, "answers" | "degraded"> {
  const answers: Record<string, number> = {};
  let degraded = 0;
  for (const { received } of clients) {
    const status = /^HTTP\/1\.1 (\d+)/.exec(received)?.[1] ?? "none";
    const code = /"code":"(\w+)"/.exec(received)?.[1];
    const name = code === undefined ? status : `${status} ${code}`;
    answers[name] = (answers[name] ?? 0) + 1;
    if (/^x-sentinel-degraded:.*\blimits\b/im.test(received)) degraded += 1;
  }
  return { answers, degraded };
}
