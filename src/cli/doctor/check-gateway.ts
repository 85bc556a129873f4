import { createServer } from "node:net";

import type { Settings } from "../../config/settings.ts";
import { askAll, gatewayClient, gatewayUrl } from "../gateway-client.ts";
import type { Answer } from "../gateway-client.ts";
import { judgeRunning } from "./check-providers.ts";
import { ok, warn, fail } from "./finding.ts";
import type { Finding } from "./finding.ts";

const healthMs = 5_000;

export interface GatewayCheck {
  readonly isRunning: boolean;
  readonly findings: readonly Finding[];
}

/** The gateway that runs, or whether its ports are free for one. */
export async function checkGateway(settings: Settings): Promise<GatewayCheck> {
  const url = await gatewayUrl(settings);
  const health = await healthOf(url);
  if (health !== undefined) {
    return {
      isRunning: true,
      findings: [...judgeHealth(url, health), ...(await checkAdmin(settings))],
    };
  }
  if (settings.url !== undefined) {
    const what = `${url} (SENTINEL_URL) does not answer`;
    return {
      isRunning: false,
      findings: [fail("gateway", what, "Start it, or correct SENTINEL_URL.")],
    };
  }
  return { isRunning: false, findings: await checkPorts(settings) };
}

/** Undefined: nobody answers there, or somebody else. */
async function healthOf(url: string): Promise<Answer | undefined> {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(healthMs) });
    const health = (await response.json()) as Answer;
    return typeof health["version"] === "string" && Array.isArray(health["parts"])
      ? health
      : undefined;
  } catch {
    return undefined;
  }
}

export function judgeHealth(url: string, health: Answer): readonly Finding[] {
  const { version, status, parts } = health;
  const degraded = (parts as readonly Answer[]).filter(({ state }) => state !== "ok");
  const what = `${url} runs, version ${String(version)}, ${String(status)}`;
  return [
    degraded.length === 0 ? ok("gateway", what) : warn("gateway", what),
    ...degraded.map(({ name, since, detail }) =>
      warn(
        "gateway",
        `${String(name)} is degraded since ${String(since)}. ${typeof detail === "string" ? detail : ""}`,
      ),
    ),
  ];
}

/** Whether it takes our token, and how it finds its providers. */
async function checkAdmin(settings: Settings): Promise<readonly Finding[]> {
  try {
    const client = await gatewayClient(settings);
    const providers = await askAll(client, "/admin/v1/providers?limit=100");
    return [ok("gateway", "takes the admin token"), ...judgeRunning(providers)];
  } catch (error) {
    return [fail("gateway", error instanceof Error ? error.message : String(error))];
  }
}

async function checkPorts({ host, port, adminPort }: Settings): Promise<readonly Finding[]> {
  const ports = [
    { port, variable: "SENTINEL_PORT" },
    ...(adminPort === undefined ? [] : [{ port: adminPort, variable: "SENTINEL_ADMIN_PORT" }]),
  ];
  const findings: Finding[] = [];
  for (const { port: wanted, variable } of ports) {
    const code = await listenFault(host, wanted);
    if (code !== undefined) findings.push(judgePort({ host, port: wanted, variable, code }));
  }
  if (findings.length > 0) return findings;
  const free = ports
    .map(({ port: wanted }) => (wanted === 0 ? "any port" : `port ${wanted}`))
    .join(" and ");
  return [ok("gateway", `does not run; ${free} of ${host} can be opened`)];
}

interface PortFault {
  readonly host: string;
  readonly port: number;
  readonly variable: string;
  readonly code: string;
}

export function judgePort({ host, port, variable, code }: PortFault): Finding {
  switch (code) {
    case "EADDRINUSE":
      return fail(
        "gateway",
        `port ${port} is in use by another program`,
        `Stop it, or set ${variable} to another.`,
      );
    case "EACCES":
      return fail(
        "gateway",
        `port ${port} may not be opened by this user`,
        `Set ${variable} to one above 1023.`,
      );
    default:
      return fail(
        "gateway",
        `${host}:${port} cannot be opened (${code})`,
        `Correct SENTINEL_HOST and ${variable}.`,
      );
  }
}

/** The system's code where a port cannot be listened on. */
function listenFault(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
    server.listen({ host, port }, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}
