import { ConfigurationError } from "./config/configuration-error.ts";
import { loadConfiguration, reloadGateway } from "./config/load.ts";
import type { Configuration } from "./config/load.ts";
import { removePidFile, writePidFile } from "./pid-file.ts";
import type { Reloads } from "./pid-file.ts";
import { serve } from "./serve.ts";
import type { Role, RunningGateway } from "./serve.ts";
import { openLog } from "./telemetry/log.ts";
import type { Log, OpenLog } from "./telemetry/log.ts";
import { welcome } from "./welcome.ts";

/** The process: configuration, resources, listener, signals, and an orderly end. Exits with 1 where it cannot start. */
export async function runProcess(role: Role): Promise<void> {
  try {
    await start(role);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`Sentinel cannot start.\n${message}\n`);
    process.exit(1);
  }
}

async function start(role: Role): Promise<void> {
  const configuration = await loadConfiguration();
  if (role === "worker") refuseToIdle(configuration);
  const opened = openLog(configuration.settings.logLevel);
  const { log } = opened;
  for (const warning of configuration.warnings) log.warn(warning);
  if (role === "worker" && configuration.settings.store === "sqlite") log.warn(lonely);
  const running = await serve(configuration, log, role);
  // Who sees that it is ready may stop it at once.
  const started = Promise.withResolvers<undefined>();
  onSignals(running, configuration, opened, started.promise);
  if (role === "gateway") {
    for (const note of running.firstRun.notes) log.warn(note);
    process.stdout.write(welcome(running, configuration));
  }
  await notePid(running, configuration, log, { count: 0, last: "none" });
  const line = { url: running.url, admin_url: running.adminUrl };
  log.info(role === "worker" ? { ...line, role } : line, "listening");
  started.resolve(undefined);
}

/** It may be there to finish what a gateway that was stopped has left. More probably a variable is missing. */
const lonely =
  "This worker has the embedded store of its data directory to itself, and no gateway gives it jobs. Set SENTINEL_REDIS_URL to the Redis of the gateways.";

/** Throws a plain error. */
function refuseToIdle({ settings }: Configuration): void {
  if (settings.jobs.concurrency > 0) return;
  throw new Error(
    "SENTINEL_JOB_CONCURRENCY is 0: this worker would run nothing. Set it to how many jobs it runs at once.",
  );
}

function onSignals(
  running: RunningGateway,
  configuration: Configuration,
  opened: OpenLog,
  started: Promise<undefined>,
): void {
  const { log } = opened;
  let isStopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    // Whoever asks twice does not want to wait.
    if (isStopping) process.exit(1);
    isStopping = true;
    log.info({ signal }, "draining");
    void end(running, configuration, opened, started);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  let reloadCount = 0;
  process.on("SIGHUP", () => {
    const count = ++reloadCount;
    void reload(running, configuration, log).then(async (last) => {
      await started;
      await notePid(running, configuration, log, { count, last });
    });
  });
}

/**
 * Scripts and commands find the gateway by it; a worker may share its directory, and is not looked for. Without it nothing
 * else is lost, so a full disk does not stop the start.
 */
async function notePid(
  { url, adminUrl, role }: RunningGateway,
  { settings }: Configuration,
  log: Log,
  reloads: Reloads,
): Promise<void> {
  if (role === "worker") return;
  try {
    await writePidFile(settings.dataDir, { url, adminUrl, reloads });
  } catch (error) {
    log.warn({ err: error }, "sentinel.pid was not written");
  }
}

async function end(
  running: RunningGateway,
  { settings }: Configuration,
  { log, ...opened }: OpenLog,
  started: Promise<undefined>,
): Promise<void> {
  try {
    await running[Symbol.asyncDispose]();
    // Otherwise its pid file would be written after it was taken away.
    await started;
    await removePidFile(settings.dataDir);
    log.info("stopped");
    process.exitCode = 0;
  } catch (error) {
    log.fatal({ err: error }, "stopping failed");
    process.exitCode = 1;
  }
  await opened[Symbol.asyncDispose]();
  process.exit();
}

/** A configuration with a mistake changes nothing: the one before stays in force, and the log says why. */
async function reload(
  running: RunningGateway,
  { settings }: Configuration,
  log: Log,
): Promise<Reloads["last"]> {
  try {
    const next = await reloadGateway(settings);
    for (const warning of next.warnings) log.warn(warning);
    await running.reload(next);
    log.info({ config: next.configPath }, "configuration reloaded");
    return "done";
  } catch (error) {
    running.noteRefusedReload();
    const problems = error instanceof ConfigurationError ? error.problems : undefined;
    log.error(
      problems === undefined ? { err: error } : { problems },
      "the configuration was not reloaded; the one before stays in force",
    );
    return "refused";
  }
}
