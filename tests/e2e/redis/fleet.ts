import { startSentinel } from "../../support/process.ts";
import type { SentinelProcess } from "../../support/process.ts";
import { untilTrue } from "../../support/redis.ts";
import { startScriptedUpstream } from "../../support/scripted-upstream.ts";
import type { Script, ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { askAdmin } from "../kills/proof-tenants.ts";
import type { AdminAddress } from "../kills/proof-tenants.ts";

/** Gateways that are processes of their own, in front of one provider, each with its own way to one Redis. */
export interface Fleet extends AsyncDisposable {
  readonly gateways: readonly SentinelProcess[];
  readonly upstream: ScriptedUpstream;
  /** The first gateway. */
  readonly first: SentinelProcess;
  /** `POST /tenants` of a first gateway, and a key of it. */
  newTenant(policy: object, id?: string): Promise<FleetTenant>;
}

/** A key that a gateway has just been asked about: it is in its cache. */
export async function introduce(
  { key }: FleetTenant,
  gateways: readonly Pick<SentinelProcess, "url">[],
): Promise<void> {
  for (const { url } of gateways) {
    await untilTrue("the key is known", async () => {
      const answer = await fetch(`${url}/v1/models`, {
        headers: { authorization: `Bearer ${key}` },
      });
      await answer.arrayBuffer();
      return answer.status === 200;
    });
  }
}

export interface FleetTenant {
  readonly id: string;
  readonly key: string;
  readonly keyId: string;
}

export interface FleetOptions {
  /** As `SENTINEL_REDIS_URL`, for each gateway. */
  readonly redisUrls: readonly string[];
  readonly script?: Script;
  readonly env?: Readonly<Record<string, string>>;
}

export const adminToken = "redis-faults-admin-token-0123456789";

/** What a token costs, in nano-dollars: a price of which nothing is left over when it is rounded. */
export const nanoUsdPer = { input: 3_000, output: 15_000 } as const;

export const yaml = (baseUrl: string): string =>
  JSON.stringify({
    providers: {
      test: { type: "openai", base_url: baseUrl, api_keys: ["sk-upstream"], models: ["m"] },
    },
    prices: { test: { m: { input_per_million_usd: "3", output_per_million_usd: "15" } } },
    defaults: { retries: 0 },
  });

export async function startFleet({ redisUrls, script, env = {} }: FleetOptions): Promise<Fleet> {
  await using made = new AsyncDisposableStack();
  const upstream = made.use(await startScriptedUpstream(script));
  const gateways: SentinelProcess[] = [];
  for (const redisUrl of redisUrls) {
    const gateway = await startSentinel({
      yaml: yaml(upstream.baseUrl),
      env: { SENTINEL_REDIS_URL: redisUrl, SENTINEL_ADMIN_TOKEN: adminToken, ...env },
    });
    gateways.push(made.use(gateway));
  }
  const [first] = gateways;
  if (first === undefined) throw new Error("a fleet has one gateway at least");
  const owned = made.move();
  return {
    gateways,
    upstream,
    first,
    newTenant: async (policy, id) => {
      const fields = { name: "test", policy, ...(id === undefined ? {} : { id }) };
      const tenant = await askAdmin(adminOf(first), "POST /tenants", fields);
      const key = { tenant: tenant["id"], name: "test", role: "inference" };
      const made = await askAdmin(adminOf(first), "POST /keys", key);
      return { id: String(tenant["id"]), key: String(made["key"]), keyId: String(made["id"]) };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export const adminOf = ({ url }: Pick<SentinelProcess, "url">): AdminAddress => ({
  url,
  token: adminToken,
});
