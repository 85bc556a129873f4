/** What the drivers present to every target, and what every target presents to the mock provider. */
export const gatewayKey = "sk-sentinel-loadtest-0123456789abcdef0123456789abcdef";
const upstreamKey = "upstream-key";
export const adminToken = "loadtest-admin-token-0123456789abcdef";

export interface GatewayPlace {
  readonly mockOrigin: string;
  readonly port: number;
  readonly dataFolder: string;
  readonly redisUrl: string | undefined;
  readonly hasNoCache: true | undefined;
}

/**
 * The whole environment of a target. Nothing of the caller's is passed on except PATH, so that no key
 * or setting of the shell changes what is measured.
 */
export function gatewayEnvironment(place: GatewayPlace) {
  const { mockOrigin, port, dataFolder, redisUrl, hasNoCache } = place;
  return {
    PATH: process.env["PATH"],
    OPENAI_BASE_URL: `${mockOrigin}/v1`,
    OPENAI_API_KEY: upstreamKey,
    SENTINEL_HOST: "127.0.0.1",
    SENTINEL_PORT: String(port),
    SENTINEL_DATA_DIR: dataFolder,
    SENTINEL_DEFAULT_KEY: gatewayKey,
    SENTINEL_ADMIN_TOKEN: adminToken,
    ...(redisUrl === undefined ? {} : { SENTINEL_REDIS_URL: redisUrl }),
    ...(hasNoCache === undefined ? {} : { SENTINEL_CACHE: "off" }),
  };
}
