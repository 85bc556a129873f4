import { Pool, buildConnector } from "undici";

/** The connections to one upstream origin. */
export interface UpstreamPools {
  /** Connections are kept and used again. */
  readonly kept: Pool;
  /** Each request has a connection of its own: for the retry after a kept one turned out dead. */
  readonly fresh: Pool;
  /** Whether this error is of a connection that had served before and died unanswered. */
  isStale(error: Error): boolean;
  /** Lets running requests finish, then closes. */
  close(): Promise<void>;
  /** Cuts what still runs. */
  destroy(): Promise<void>;
}

export interface PoolOptions {
  readonly origin: string;
  readonly connectMs: number;
  /** How long an idle connection is kept. Below the upstream's own time, or requests meet closed doors. */
  readonly keepAliveMs: number;
}

/**
 * Opens the pools of one origin. The number of connections is not bounded here: each carries one request,
 * and the requests in flight are bounded at the door (`SENTINEL_MAX_INFLIGHT`).
 */
export function openPools(options: PoolOptions): UpstreamPools {
  const connect = buildConnector({ timeout: options.connectMs, allowH2: false });
  const errorsOfUsedSockets = new WeakSet<Error>();
  const connector: typeof connect = (connectOptions, callback) => {
    connect(connectOptions, (...result) => {
      const socket = result[1];
      socket?.once("error", (error: Error) => {
        if (socket.bytesRead > 0) errorsOfUsedSockets.add(error);
      });
      callback(...result);
    });
  };
  const shared = { connect: connector, headersTimeout: 0, bodyTimeout: 0, allowH2: false } as const;
  // The second is the limit for what the upstream itself announces (`keep-alive: timeout=60`).
  const keepAlive = {
    keepAliveTimeout: options.keepAliveMs,
    keepAliveMaxTimeout: options.keepAliveMs,
  } as const;
  const kept = new Pool(options.origin, { ...shared, ...keepAlive });
  const fresh = new Pool(options.origin, shared);
  return {
    kept,
    fresh,
    isStale: (error) => errorsOfUsedSockets.has(error) || hasServed(error),
    close: async () => {
      await Promise.all([kept.close(), fresh.close()]);
    },
    destroy: async () => {
      await Promise.all([kept.destroy(), fresh.destroy()]);
    },
  };
}

/** undici's `SocketError` carries the socket's counters: bytes read means that it had answered before. */
function hasServed(error: Error): boolean {
  const socket: unknown = Reflect.get(error, "socket");
  if (typeof socket !== "object" || socket === null) return false;
  const bytesRead: unknown = Reflect.get(socket, "bytesRead");
  return typeof bytesRead === "number" && bytesRead > 0;
}
