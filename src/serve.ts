import type { Surface } from "./app.ts";
import type { Configuration, GatewayConfiguration } from "./config/load.ts";
import { Failure } from "./errors.ts";
import { openListener } from "./http/listener.ts";
import type { Address, Listener } from "./http/listener.ts";
import { createHttpServer } from "./http/server.ts";
import type { FirstRun } from "./tenants/first-run.ts";
import type { Log } from "./telemetry/log.ts";
import { openGateway } from "./wiring.ts";
import type { Gateway } from "./wiring.ts";

/** What a process is for: a gateway serves and, unless told otherwise, runs jobs; a worker only runs jobs. */
export type Role = "gateway" | "worker";

/** A gateway, or a worker, that listens. Disposing of it drains it first. */
export interface RunningGateway extends AsyncDisposable {
  readonly role: Role;
  /** Where it can be reached: `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Where its control plane is, if that has a listener of its own. */
  readonly adminUrl: string | undefined;
  readonly firstRun: FirstRun;
  reload(config: GatewayConfiguration): Promise<void>;
  noteRefusedReload(): void;
}

/** Opens everything, then the listener: whoever gets a connection gets an answer. */
export async function serve(
  configuration: Configuration,
  log: Log,
  role: Role = "gateway",
): Promise<RunningGateway> {
  const { settings } = configuration;
  const gateway = await openGateway(configuration, log, role);
  const { host, port, adminPort } = settings;
  const listeners: Listener[] = [];
  const open = async (surface: Surface, address: Address): Promise<void> => {
    const server = createHttpServer(gateway.app(surface), settings.limits, log);
    listeners.push(await openListener(server, address, log));
  };
  try {
    const surface = role === "worker" ? "probes" : adminPort === undefined ? "all" : "data";
    await open(surface, { host, port, variable: "SENTINEL_PORT" });
    if (adminPort !== undefined && role === "gateway") {
      await open("admin", { host, port: adminPort, variable: "SENTINEL_ADMIN_PORT" });
    }
  } catch (error) {
    await closeAll(gateway, listeners, { timeoutMs: 0, idleMs: 0 });
    throw error;
  }
  const [main, admin] = listeners;
  return {
    role,
    url: main?.url ?? "",
    adminUrl: admin?.url,
    firstRun: gateway.firstRun,
    reload: (config) => gateway.reload(config),
    noteRefusedReload: () => gateway.noteRefusedReload(),
    [Symbol.asyncDispose]: () => closeAll(gateway, listeners, settings.drain),
  };
}

/**
 * No new connections; what runs may finish until the cap, then it ends with an error that says why; then
 * everything is closed, in the reverse order of opening. The control plane's own listener outlasts the other, so
 * that probes and scrapes can watch the end.
 */
async function closeAll(
  gateway: Gateway,
  listeners: readonly Listener[],
  { timeoutMs, idleMs }: Configuration["settings"]["drain"],
): Promise<void> {
  const capMs = performance.now() + timeoutMs;
  gateway.startDraining();
  for (const listener of listeners) listener.startDraining();
  for (const listener of listeners) {
    await listener.stopListening(capMs);
    if (await listener.closeSilent({ idleMs, untilMs: capMs })) continue;
    gateway.inflight.abortAll(new Failure("shutting_down", shuttingDown, { retryAfterMs: 1_000 }));
    await listener.closeSilent({ idleMs: 0, untilMs: performance.now() + lastWordsMs });
  }
  await Promise.all(listeners.map((listener) => listener.close()));
  await gateway[Symbol.asyncDispose]();
}

const shuttingDown = "Sentinel is shutting down and could not wait any longer. Try again.";
/** How long an aborted answer may take to say why it ends. */
const lastWordsMs = 2_000;
