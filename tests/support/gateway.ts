import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { pino } from "pino";

import { loadConfiguration, reloadGateway } from "../../src/config/load.ts";
import { serve } from "../../src/serve.ts";

/** The whole gateway in this process, behind a real socket, with a SQLite store of its own. */
export interface TestGateway extends AsyncDisposable {
  /** Without `/v1`. */
  readonly url: string;
  readonly adminUrl: string | undefined;
  /** An admin key of tenant `default`. */
  readonly key: string;
  readonly adminToken: string;
  readonly dataDir: string;
  /** The lines that it logged so far. */
  readonly lines: readonly Record<string, unknown>[];
  /** Empties `lines`. */
  forgetLines(): void;
  /** A request with the key, or with the headers given in its place. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** `POST` of a JSON body with the key. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Replaces `sentinel.yaml` and takes it into use, as SIGHUP does. */
  reload(yaml: string): Promise<void>;
  /** Drains and closes, as SIGTERM does. Disposing does the same. */
  close(): Promise<void>;
}

export interface TestGatewayOptions {
  /** Environment variables besides those that the test support sets. */
  readonly env?: Readonly<Record<string, string>>;
  /** `sentinel.yaml`. */
  readonly yaml?: string;
}

export const testKey = "sk-test-key-of-the-default-tenant";
export const testAdminToken = "test-admin-token-0123456789";

export async function startGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const directory = await mkdtemp(join(tmpdir(), "sentinel-test-"));
  const configPath = join(directory, "sentinel.yaml");
  if (options.yaml !== undefined) await writeFile(configPath, options.yaml);
  const environment = {
    SENTINEL_PORT: "0",
    // Its thread would be started for each of hundreds of gateways; tests of what it has to do with switch it on.
    SENTINEL_CACHE: "off",
    // Hundreds of gateways are closed; tests of how one is left set it.
    SENTINEL_DRAIN_IDLE_MS: "0",
    SENTINEL_DATA_DIR: join(directory, "data"),
    SENTINEL_DEFAULT_KEY: testKey,
    SENTINEL_ADMIN_TOKEN: testAdminToken,
    ...(options.yaml === undefined ? {} : { SENTINEL_CONFIG: configPath }),
    ...options.env,
  };
  const configuration = await loadConfiguration(environment);
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { level: configuration.settings.logLevel },
    { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const running = await serve(configuration, log);
  let closing: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    await running[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  const close = (): Promise<void> => (closing ??= end());
  const gatewayFetch = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(running.url + path, { headers: { authorization: `Bearer ${testKey}` }, ...init });
  return {
    url: running.url,
    adminUrl: running.adminUrl,
    key: testKey,
    adminToken: testAdminToken,
    dataDir: environment.SENTINEL_DATA_DIR,
    lines,
    forgetLines: () => {
      lines.length = 0;
    },
    fetch: gatewayFetch,
    post: (path, body, headers = {}) =>
      gatewayFetch(path, {
        method: "POST",
        headers: {
          authorization: `Bearer ${testKey}`,
          "content-type": "application/json",
          ...headers,
        },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    reload: async (yaml) => {
      await writeFile(configPath, yaml);
      await running.reload(await reloadGateway(configuration.settings, environment));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Waits until `isTrue`, looking again each few milliseconds. Rejects with `what` after fifteen seconds. */
export async function until(what: string, isTrue: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 15_000;
  while (!isTrue()) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
