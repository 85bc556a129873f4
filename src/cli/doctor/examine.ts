import { ConfigurationError } from "../../config/configuration-error.ts";
import { loadConfiguration } from "../../config/load.ts";
import type { Configuration } from "../../config/load.ts";
import type { ProviderConfig } from "../../config/gateway-config.ts";
import type { Settings } from "../../config/settings.ts";
import * as wiring from "../../wiring-cli.ts";
import { checkDisk } from "./check-disk.ts";
import { checkGateway } from "./check-gateway.ts";
import { checkClock, checkDescriptors, checkNode, clockOf } from "./check-machine.ts";
import type { ClockReading } from "./check-machine.ts";
import { judgeProvider } from "./check-providers.ts";
import { judgeDatabases, judgeJournal, judgeRedis, redisClocks } from "./check-stores.ts";
import { guarded, ok, warn, fail } from "./finding.ts";
import type { Finding } from "./finding.ts";

const providerMs = 8_000;

/** Everything that `sentinel doctor` looks at. Nothing of it costs money, and nothing is changed. */
export async function examine(): Promise<readonly Finding[]> {
  const machine = [checkNode(process.version, wiring.sqliteVersion())];
  const read = await readConfiguration();
  if (read.kind === "refused") {
    const rest = warn("doctor", "the rest was not looked at: the configuration comes first");
    return [...machine, ...read.findings, rest];
  }
  const { configuration } = read;
  const { settings } = configuration;
  const clocks: ClockReading[] = [];
  const [descriptors, disk, gateway, redis, providers] = await Promise.all([
    guarded("descriptors", () => checkDescriptors(settings)),
    guarded("disk", () => checkDisk(settings.dataDir)),
    checkGateway(settings),
    guarded("redis", () => checkRedis(settings, clocks)),
    checkProviders(configuration.gateway.providers, clocks),
  ]);
  const files = await guarded("journal", async () => [
    ...(settings.store === "sqlite" ? judgeDatabases(wiring.databaseStates(settings.dataDir)) : []),
    ...judgeJournal(await wiring.journalState(settings.dataDir), settings, gateway.isRunning),
  ]);
  return [
    ...machine,
    ...descriptors,
    ...configurationFindings(configuration),
    ...disk,
    ...files,
    ...redis,
    ...providers,
    checkClock(clocks, configuration.gateway.providers.filter(isAsked).length + redis.length),
    ...gateway.findings,
  ];
}

type Reading =
  | { readonly kind: "read"; readonly configuration: Configuration }
  | { readonly kind: "refused"; readonly findings: readonly Finding[] };

async function readConfiguration(): Promise<Reading> {
  try {
    return { kind: "read", configuration: await loadConfiguration() };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return {
      kind: "refused",
      findings: error.problems.map((problem) => fail("configuration", problem)),
    };
  }
}

function configurationFindings(configuration: Configuration): readonly Finding[] {
  const { settings, gateway, configPath, warnings } = configuration;
  const { providers, models } = gateway;
  const isDemo = providers.every(({ type }) => type === "demo");
  const source = configPath ?? "the environment";
  const what = `${source}: ${plural(providers.length, "provider")}, ${plural(models.length, "alias", "aliases")}; store: ${settings.store}`;
  const exposed =
    settings.host !== "127.0.0.1" && settings.host !== "localhost" && settings.host !== "::1";
  return [
    isDemo
      ? warn(
          "configuration",
          "no provider is configured: the built-in demo answers",
          "Set for example OPENAI_API_KEY, or write sentinel.yaml (docs/providers.md).",
        )
      : ok("configuration", what),
    ...warnings.map((warning) => warn("configuration", warning)),
    ...(exposed && settings.adminPort === undefined
      ? [
          ok(
            "configuration",
            `listens on ${settings.host}, the admin API too; SENTINEL_ADMIN_PORT would give it a port of its own`,
          ),
        ]
      : []),
  ];
}

const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

async function checkRedis(settings: Settings, clocks: ClockReading[]): Promise<readonly Finding[]> {
  if (settings.store !== "redis") return [];
  const servers = await wiring.redisState(settings);
  clocks.push(...redisClocks(servers));
  return judgeRedis(servers);
}

const isAsked = ({ type }: ProviderConfig): boolean => type !== "demo";

async function checkProviders(
  providers: readonly ProviderConfig[],
  clocks: ClockReading[],
): Promise<readonly Finding[]> {
  const all = await Promise.all(
    providers.filter(isAsked).map((provider) =>
      guarded("providers", async () => {
        const { name, baseUrl } = provider;
        const [checks, clock] = await Promise.all([
          wiring.checkProvider(provider, providerMs),
          clockOf(name, baseUrl),
        ]);
        if (clock !== undefined) clocks.push(clock);
        return judgeProvider(name, checks);
      }),
    ),
  );
  return all.flat();
}
