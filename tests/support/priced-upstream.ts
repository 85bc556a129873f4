import { afterAll } from "vitest";

import { admin, makeKey } from "./admin-client.ts";
import { booksAgree } from "./books-agree.ts";
import type { ShownRecord } from "./books-agree.ts";
import { startGateway } from "./gateway.ts";
import type { TestGateway } from "./gateway.ts";
import { chatBody, impatient, yamlOf } from "./one-upstream.ts";
import { rawPost } from "./raw-client.ts";
import type { RawClient } from "./raw-client.ts";
import { startScriptedUpstream } from "./scripted-upstream.ts";
import type { Script, ScriptedUpstream } from "./scripted-upstream.ts";

/**
 * A gateway in front of one scripted upstream: provider `test`, which has the model `m`, with a price, and `untold`,
 * with none. Tests that share it are told apart by tenants of their own.
 */
export interface PricedUpstream extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly upstream: ScriptedUpstream;
  /** A tenant with a key, both new. */
  newTenant(policies?: TenantPolicies): Promise<TestTenant>;
}

export interface TenantPolicies {
  readonly policy?: object;
  readonly keyPolicy?: object;
}

export interface TestTenant {
  readonly id: string;
  readonly key: string;
  readonly keyId: string;
  post(path: string, body: object, headers?: Record<string, string>): Promise<Response>;
  /** `POST /v1/chat/completions` for the model `m`, with these fields besides. */
  chat(fields?: object, headers?: Record<string, string>): Promise<Response>;
  /** A chat over a socket of its own, for a client that leaves. */
  rawChat(fields?: object): RawClient;
  /** Asserts that records, ledger and budgets say the same of so many requests; the newest first. */
  booksAgree(count: number): Promise<readonly ShownRecord[]>;
}

export interface PricedUpstreamOptions {
  readonly script?: Script;
  readonly type?: string;
  /** More fields of the provider. */
  readonly provider?: object;
  /** Other providers, by name. */
  readonly providers?: object;
  /** Other sections of the configuration. */
  readonly yaml?: object;
  readonly env?: Readonly<Record<string, string>>;
}

/** What a token of `m` costs, in nano-dollars. */
export const nanoUsdPer = { input: 3_000, cached: 300, output: 15_000 } as const;

export const priceOfM = {
  input_per_million_usd: "3",
  cached_input_per_million_usd: "0.3",
  output_per_million_usd: "15",
} as const;

export async function startPricedUpstream(
  options: PricedUpstreamOptions = {},
): Promise<PricedUpstream> {
  const upstream = await startScriptedUpstream(options.script);
  const test = {
    type: options.type ?? "openai",
    base_url: upstream.baseUrl,
    api_keys: ["sk-upstream"],
    models: ["m", "untold"],
    ...options.provider,
  };
  const gateway = await startGateway({
    yaml: yamlOf({
      providers: { test, ...options.providers },
      prices: { test: { m: priceOfM } },
      defaults: { retries: 0 },
      ...options.yaml,
    }),
    env: { ...impatient, SENTINEL_CACHE: "on", ...options.env },
  });
  return {
    gateway,
    upstream,
    newTenant: (policies) => newTenant(gateway, policies),
    [Symbol.asyncDispose]: async () => {
      await gateway.close();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

/** One for all tests of a file. */
export async function sharePricedUpstream(
  options: PricedUpstreamOptions = {},
): Promise<PricedUpstream> {
  const plane = await startPricedUpstream(options);
  afterAll(() => plane[Symbol.asyncDispose]());
  return plane;
}

export async function newTenant(
  gateway: TestGateway,
  { policy = {}, keyPolicy = {} }: TenantPolicies = {},
): Promise<TestTenant> {
  const tenant = await admin(gateway, "POST /tenants", { name: "test", policy });
  const id = String(tenant["id"]);
  const { key, id: keyId } = await makeKey(gateway, { tenant: id, policy: keyPolicy });
  const authorization = `Bearer ${key}`;
  const post: TestTenant["post"] = (path, body, headers = {}) =>
    gateway.post(path, body, { authorization, ...headers });
  return {
    id,
    key,
    keyId,
    post,
    chat: (fields, headers) => post("/v1/chat/completions", chatBody(fields), headers),
    rawChat: (fields) => rawPost(gateway, { body: chatBody(fields), headers: { authorization } }),
    booksAgree: (count) => booksAgree(gateway, { count, tenant: id }),
  };
}
