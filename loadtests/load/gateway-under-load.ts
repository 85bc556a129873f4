import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { gatewayKey } from "../harness/gateway-environment.ts";

/** The running gateway, and what lets us in. */
export interface GatewayUnderLoad {
  /** Without `/v1`. */
  readonly url: string;
  readonly key: string;
  /** Undefined where nobody has told us. */
  readonly adminToken: string | undefined;
  readonly models: readonly ListedModel[];
}

export interface ListedModel {
  readonly id: string;
  readonly owned_by: string;
}

export interface Credentials {
  readonly key?: string | undefined;
  readonly adminToken?: string | undefined;
}

const credentialsSchema = z.looseObject({
  apiKey: z.string().optional(),
  adminToken: z.string().optional(),
});
const listSchema = z.looseObject({
  data: z.array(z.looseObject({ id: z.string(), owned_by: z.string().default("") })),
});

/**
 * Finds the gateway and a key that it takes: the one that was given, that of the data directory, or that of
 * `npm run load:gateway`. Throws a sentence that says what to do.
 */
export async function findGateway(url: string, given: Credentials): Promise<GatewayUnderLoad> {
  const stored = await readCredentials();
  const keys = [given.key ?? stored.apiKey, gatewayKey].filter((key) => key !== undefined);
  for (const key of given.key === undefined ? keys : [given.key]) {
    const response = await listModels(url, key);
    if (response.status === 401) continue;
    if (!response.ok) throw new Error(`${url}/v1/models answered ${response.status}.`);
    const { data: models } = listSchema.parse(await response.json());
    const adminToken =
      given.adminToken ?? (key === gatewayKey ? loadAdminToken : stored.adminToken);
    return { url, key, adminToken, models };
  }
  throw new Error(
    `The gateway at ${url} does not know our key. Give one with --key or SENTINEL_API_KEY, or run this where its data directory is.`,
  );
}

/** What the gateway of `npm run load:gateway` is started with: it listens on this machine only, and has a mock behind it. */
export const loadAdminToken = "loadtest-admin-token-0123456789abcdef";

async function listModels(url: string, key: string): Promise<Response> {
  try {
    return await fetch(`${url}/v1/models`, {
      headers: { authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(10_000),
    });
  } catch (error) {
    const message = `Nothing answers at ${url}. Start it with: npm run load:gateway (or name another with --url).`;
    throw new Error(message, { cause: error });
  }
}

async function readCredentials(): Promise<z.infer<typeof credentialsSchema>> {
  const folder = process.env["SENTINEL_DATA_DIR"] ?? "data";
  try {
    const text = await readFile(join(folder, "credentials.json"), "utf8");
    return credentialsSchema.parse(JSON.parse(text));
  } catch {
    // There is none, which is usual: other keys are tried.
    return {};
  }
}
