import { ConfigurationError } from "./config/configuration-error.ts";
import { loadConfiguration, reloadGateway } from "./config/load.ts";
import type { Configuration } from "./config/load.ts";
import { serve } from "./serve.ts";
import type { RunningGateway } from "./serve.ts";
import { openLog } from "./telemetry/log.ts";
import type { Log, OpenLog } from "./telemetry/log.ts";
import { welcome } from "./welcome.ts";

/** The process: configuration, resources, listener, signals, and an orderly end. */
async function main(): Promise<void> {
  const configuration = await loadConfiguration();
  const opened = openLog(configuration.settings.logLevel);
  const { log } = opened;
  for (const warning of configuration.warnings) log.warn(warning);
  const running = await serve(configuration, log);
  for (const note of running.firstRun.notes) log.warn(note);
  process.stdout.write(welcome(running, configuration));
  log.info({ url: running.url, admin_url: running.adminUrl }, "listening");
  onSignals(running, configuration, opened);
}

function onSignals(running: RunningGateway, configuration: Configuration, opened: OpenLog): void {
  const { log } = opened;
  let isStopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    // Whoever asks twice does not want to wait.
    if (isStopping) process.exit(1);
    isStopping = true;
    log.info({ signal }, "draining");
    void end(running, opened);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGHUP", () => void reload(running, configuration, log));
}

async function end(running: RunningGateway, { log, ...opened }: OpenLog): Promise<void> {
  try {
    await running[Symbol.asyncDispose]();
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
): Promise<void> {
  try {
    const next = await reloadGateway(settings);
    for (const warning of next.warnings) log.warn(warning);
    await running.reload(next);
    log.info({ config: next.configPath }, "configuration reloaded");
  } catch (error) {
    const problems = error instanceof ConfigurationError ? error.problems : undefined;
    log.error(
      problems === undefined ? { err: error } : { problems },
      "the configuration was not reloaded; the one before stays in force",
    );
  }
}

try {
  await main();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`Sentinel cannot start.\n${message}\n`);
  process.exit(1);
}
