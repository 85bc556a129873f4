import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import type { Surface } from "./app.ts";
import type { Configuration, GatewayConfiguration } from "./config/load.ts";
import { Failure } from "./errors.ts";
import { RunningAnswers } from "./http/running-answers.ts";
import { createHttpServer } from "./http/server.ts";
import type { FirstRun } from "./tenants/first-run.ts";
import type { Log } from "./telemetry/log.ts";
import { openGateway } from "./wiring.ts";
import type { Gateway } from "./wiring.ts";

/** A gateway that listens. Disposing of it drains it first. */
export interface RunningGateway extends AsyncDisposable {
  /** Where it can be reached: `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Where its control plane is, if that has a listener of its own. */
  readonly adminUrl: string | undefined;
  readonly firstRun: FirstRun;
  reload(config: GatewayConfiguration): Promise<void>;
}

/** Opens everything, then the listener: whoever gets a connection gets an answer. */
export async function serve(configuration: Configuration, log: Log): Promise<RunningGateway> {
  const { settings } = configuration;
  const gateway = await openGateway(configuration, log);
  const { host, port, adminPort } = settings;
  const answers = new RunningAnswers();
  const servers: Server[] = [];
  const open = async (surface: Surface, address: Address): Promise<void> => {
    const server = createHttpServer(gateway.app(surface), settings.limits, log);
    answers.watch(server);
    servers.push(await listen(server, address, log));
  };
  try {
    const surface = adminPort === undefined ? "all" : "data";
    await open(surface, { host, port, variable: "SENTINEL_PORT" });
    if (adminPort !== undefined) {
      await open("admin", { host, port: adminPort, variable: "SENTINEL_ADMIN_PORT" });
    }
  } catch (error) {
    await closeAll(gateway, servers, answers, 0);
    throw error;
  }
  const [main, admin] = servers;
  return {
    url: main === undefined ? "" : urlOf(main),
    adminUrl: admin === undefined ? undefined : urlOf(admin),
    firstRun: gateway.firstRun,
    reload: (config) => gateway.reload(config),
    [Symbol.asyncDispose]: () => closeAll(gateway, servers, answers, settings.drainMs),
  };
}

interface Address {
  readonly host: string;
  readonly port: number;
  /** The setting that has the port. */
  readonly variable: "SENTINEL_PORT" | "SENTINEL_ADMIN_PORT";
}

function listen(server: Server, address: Address, log: Log): Promise<Server> {
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
      resolve(server);
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

/**
 * No new connections; what runs may finish until `drainMs`, then it ends with an error that says why; then
 * everything is closed, in the reverse order of opening.
 */
async function closeAll(
  gateway: Gateway,
  servers: readonly Server[],
  answers: RunningAnswers,
  drainMs: number,
): Promise<void> {
  gateway.startDraining();
  answers.startDraining();
  const closed = servers.map(
    (server) =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeIdleConnections();
      }),
  );
  const patience = new AbortController();
  const isDrained = await Promise.race([
    answers.whenNone().then(() => true),
    sleep(drainMs, false, { signal: patience.signal }).catch(() => false),
  ]);
  patience.abort();
  if (!isDrained) {
    gateway.inflight.abortAll(new Failure("shutting_down", shuttingDown, { retryAfterMs: 1_000 }));
    await Promise.race([answers.whenNone(), sleep(lastWordsMs, undefined, { ref: false })]);
  }
  for (const server of servers) server.closeAllConnections();
  await Promise.all(closed);
  await gateway[Symbol.asyncDispose]();
}

const shuttingDown = "Sentinel is shutting down and could not wait any longer. Try again.";
/** How long an aborted answer may take to say why it ends. */
const lastWordsMs = 2_000;
