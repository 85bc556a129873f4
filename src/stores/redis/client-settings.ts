import type { CommonRedisOptions } from "ioredis";

/**
 * What a connection is for. Each has one of its own: `requests` may not wait, `books` (sinks) and `reports` move
 * much at a time and have seconds, a `subscriber` only listens.
 */
export type RedisPurpose = "requests" | "books" | "reports" | "subscriber";

/**
 * A backstop, for what has no deadline of its own (`request-gate.ts`) and for the handshake. By the clock on the
 * wall: in a process that is busy, an answer may lie there unread for a while.
 */
const requestCommandMs = 1_500;
const slowCommandMs = 10_000;

/** Replies keep the shapes that they had before RESP3. */
export type ClientSettings = Omit<CommonRedisOptions, "replyMapping">;

/** The names are those of ioredis 6 (`CommonRedisOptions`). */
export function clientSettingsOf(purpose: RedisPurpose): ClientSettings {
  switch (purpose) {
    case "requests":
      return {
        ...shared,
        commandTimeout: requestCommandMs,
        connectTimeout: 500,
        // A server that says nothing for so long is connected to anew: its replies would all come too late.
        socketTimeout: 1_500,
        retryStrategy: (times) => Math.min(50 * times, 500) + jitterMs(50),
      };
    case "books":
    case "reports":
      return {
        ...shared,
        commandTimeout: slowCommandMs,
        connectTimeout: 5_000,
        socketTimeout: 15_000,
        retryStrategy: (times) => Math.min(100 * times, 1_000) + jitterMs(100),
      };
    case "subscriber":
      return {
        ...shared,
        enableOfflineQueue: true,
        maxRetriesPerRequest: null,
        autoResubscribe: true,
        connectTimeout: 5_000,
        retryStrategy: (times) => Math.min(100 * times, 1_000) + jitterMs(100),
      };
  }
}

/**
 * Nobody's command waits for a connection, and none is sent twice: who sent it is told, and knows whether it can
 * be repeated.
 */
const shared: ClientSettings = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  // A master that became a replica: the connection is made anew, to whom the name or Redis Sentinel says now.
  reconnectOnError: (error) => error.message.startsWith("READONLY"),
  lazyConnect: true,
};

const jitterMs = (most: number): number => Math.random() * most;
