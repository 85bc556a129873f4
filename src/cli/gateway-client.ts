import { readPidFile } from "../pid-file.ts";
import { readCredentials } from "../tenants/credentials-file.ts";
import type { Settings } from "../config/settings.ts";

/** What a command cannot do, in a sentence for whoever typed it. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
  /** Of the gateway's answer, where it refused. */
  readonly status: number | undefined;

  constructor(message: string, { status, ...options }: FailedOptions = {}) {
    super(message, options);
    this.status = status;
  }
}

interface FailedOptions extends ErrorOptions {
  readonly status?: number;
}

/** Speaks to a running gateway over its own routes, as the platform admin. */
export interface GatewayClient {
  readonly url: string;
  /** A JSON answer, within half a minute if nothing is said. Throws `CommandFailed` with what the gateway said. */
  ask(method: string, path: string, body?: unknown, options?: AskOptions): Promise<Answer>;
  /** An answer that is read as it comes. */
  open(path: string, headers: Readonly<Record<string, string>>): Promise<Response>;
}

interface AskOptions {
  readonly answerMs?: number;
}

export type Answer = Readonly<Record<string, unknown>>;

const usualAnswerMs = 30_000;

/** Finds the gateway by SENTINEL_URL, or as the one that runs on the data directory. */
export async function gatewayClient(settings: Settings): Promise<GatewayClient> {
  const { url, adminUrl } = await gatewayUrls(settings);
  const token = await adminTokenOf(settings);
  if (token === undefined) {
    throw new CommandFailed(
      `There is no platform admin token: set SENTINEL_ADMIN_TOKEN, or SENTINEL_DATA_DIR to the gateway's data directory (now ${settings.dataDir}).`,
    );
  }
  const send = async (method: string, path: string, options: SendOptions): Promise<Response> => {
    const headers = { ...options.headers, authorization: `Bearer ${token}` };
    const base = path.startsWith("/admin/") ? adminUrl : url;
    try {
      return await fetch(`${base}${path}`, { ...options, method, headers });
    } catch (error) {
      throw unreachable(base, error);
    }
  };
  return {
    url,
    ask: async (method, path, body, { answerMs = usualAnswerMs } = {}) => {
      const response = await send(method, path, {
        signal: AbortSignal.timeout(answerMs),
        ...(body === undefined
          ? {}
          : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
      });
      return answerOf(response, url);
    },
    open: async (path, headers) => {
      const response = await send("GET", path, { headers });
      if (!response.ok) await answerOf(response, url);
      return response;
    },
  };
}

interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** Where the gateway is, or would be. */
export async function gatewayUrl(settings: Settings): Promise<string> {
  return (await gatewayUrls(settings)).url;
}

/** The one that runs has noted where its control plane is; of another one, the settings have to say it. */
async function gatewayUrls(settings: Settings): Promise<{ url: string; adminUrl: string }> {
  const running = settings.url === undefined ? await readPidFile(settings.dataDir) : undefined;
  const written = settings.url ?? running?.url ?? `http://127.0.0.1:${settings.port}`;
  const url = written.replace(/\/+$/, "");
  return { url, adminUrl: running?.adminUrl ?? adminUrlOf(url, settings) };
}

export async function adminTokenOf(settings: Settings): Promise<string | undefined> {
  return settings.adminToken ?? (await readCredentials(settings.dataDir))?.adminToken;
}

/** Its control plane may have a listener of its own (SENTINEL_ADMIN_PORT). */
function adminUrlOf(url: string, { adminPort }: Settings): string {
  if (adminPort === undefined || adminPort === 0) return url;
  const address = new URL(url);
  address.port = String(adminPort);
  return address.href.replace(/\/+$/, "");
}

export function unreachable(url: string, error: unknown): CommandFailed {
  const isLate = error instanceof Error && error.name === "TimeoutError";
  const why = isLate ? "does not answer" : "cannot be reached";
  return new CommandFailed(
    `${url} ${why}. Is Sentinel running? Start it with \`sentinel start\`, or set SENTINEL_URL to where it is.`,
    { cause: error },
  );
}

async function answerOf(response: Response, url: string): Promise<Answer> {
  let text: string;
  try {
    text = await response.text();
  } catch (error) {
    throw unreachable(url, error);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new CommandFailed(
      `The gateway answered ${response.status} and no JSON. Is it a Sentinel?`,
    );
  }
  const answer = (value ?? {}) as Answer;
  if (response.ok) return answer;
  const error = answer["error"] as { readonly message?: unknown } | undefined;
  const message = typeof error?.message === "string" ? error.message : undefined;
  const { status } = response;
  throw new CommandFailed(explain(status, message, url), { status });
}

function explain(status: number, message: string | undefined, url: string): string {
  if (status === 401) {
    return `${url} does not take the admin token. SENTINEL_ADMIN_TOKEN, or SENTINEL_DATA_DIR, must be the gateway's own.`;
  }
  return message ?? `${url} answered ${status}. Is it a Sentinel of this version?`;
}

/** Every entry of a list, page after page. */
export async function askAll(
  client: GatewayClient,
  path: string,
  countMax = 100_000,
): Promise<readonly Answer[]> {
  const entries: Answer[] = [];
  let cursor: unknown;
  do {
    const next =
      typeof cursor === "string"
        ? `${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}`
        : "";
    const page = await client.ask("GET", `${path}${next}`);
    entries.push(...(page["data"] as readonly Answer[]));
    cursor = page["next_cursor"];
  } while (typeof cursor === "string" && entries.length < countMax);
  return entries;
}

/** The query of a path, without what is not given. */
export function queryOf(fields: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) query.set(name, String(value));
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}
