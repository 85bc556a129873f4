import type { Server } from "node:http";
import { Server as NetServer } from "node:net";
import type { AddressInfo } from "node:net";

import type { Log } from "../telemetry/log.ts";
import { untilLineIsServed } from "./last-in-line.ts";
import { OpenConnections } from "./open-connections.ts";
import type { Patience } from "./open-connections.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
  /** The setting that has the port. */
  readonly variable: "SENTINEL_PORT" | "SENTINEL_ADMIN_PORT";
}

/** A server that listens, and how it comes to an end: step by step, in this order. */
export interface Listener {
  readonly url: string;
  /** From now on each answer says that its connection closes; new connections are still taken. */
  startDraining(): void;
  /** Takes who is in line already, and nobody else. The line may take until `untilMs`, by the clock of `performance`. */
  stopListening(untilMs: number): Promise<void>;
  /** Lets what runs finish; resolves to whether all connections were over in time. */
  closeSilent(patience: Patience): Promise<boolean>;
  /** Cuts what is left. */
  close(): Promise<void>;
}

/** Rejects with a sentence that says which setting to change. */
export async function openListener(server: Server, address: Address, log: Log): Promise<Listener> {
  const connections = new OpenConnections(server);
  await listen(server, address, log);
  const closed = Promise.withResolvers<undefined>();
  return {
    url: urlOf(server),
    startDraining: () => {
      connections.startDraining();
    },
    stopListening: async (untilMs) => {
      await untilLineIsServed(server, untilMs);
      // Not `http`'s own `close`, which also closes the connections on which a request may be on its way.
      NetServer.prototype.close.call(server, () => {
        closed.resolve(undefined);
      });
    },
    closeSilent: (patience) => connections.closeSilent(patience),
    close: async () => {
      server.closeAllConnections();
      // It listens no more, which this would complain of; `http` has a timer that ends only here.
      server.close(() => undefined);
      await closed.promise;
    },
  };
}

function listen(server: Server, address: Address, log: Log): Promise<void> {
  const { host, port } = address;
  return new Promise((resolve, reject) => {
    const onRefused = (error: NodeJS.ErrnoException): void => {
      reject(new Error(explain(error, address), { cause: error }));
    };
    server.once("error", onRefused);
    server.listen({ host, port, backlog: backlogMax }, () => {
      // From now on it is about single connections, as when the process has no descriptors left.
      server.off("error", onRefused).on("error", (error) => {
        log.error({ err: error }, "a connection was not accepted");
      });
      resolve();
    });
  });
}

/** Connections that wait to be accepted. Node's own 511 overflows when a thousand clients come at once. */
const backlogMax = 4_096;

function explain(error: NodeJS.ErrnoException, { host, port, variable }: Address): string {
  switch (error.code) {
    case "EADDRINUSE":
      return `${variable}: port ${port} is in use. Stop what uses it, or set another, for example ${variable}=${port + 1}.`;
    case "EACCES":
      return `${variable}: port ${port} may not be opened by this user. Use one above 1023.`;
    case "EADDRNOTAVAIL":
      return `SENTINEL_HOST: ${host} is no address of this machine. Use 127.0.0.1 or 0.0.0.0.`;
    default:
      return `SENTINEL_HOST, ${variable}: ${host}:${port} cannot be opened (${error.code ?? error.message}).`;
  }
}

function urlOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
