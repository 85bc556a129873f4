/** What both bare gateways are told: the same variables as Sentinel, so that one harness starts all. */
export interface BareSettings {
  readonly host: string;
  readonly port: number;
  readonly upstreamOrigin: string;
  readonly upstreamPath: string;
  readonly upstreamHeaders: Readonly<Record<string, string>>;
  /** Key → tenant. */
  readonly tenants: ReadonlyMap<string, string>;
}

/** Throws when a variable is missing. */
export function readBareSettings(): BareSettings {
  const upstream = new URL(required("OPENAI_BASE_URL"));
  return {
    host: required("SENTINEL_HOST"),
    port: Number(required("SENTINEL_PORT")),
    upstreamOrigin: upstream.origin,
    upstreamPath: `${upstream.pathname}/chat/completions`,
    upstreamHeaders: {
      authorization: `Bearer ${required("OPENAI_API_KEY")}`,
      "content-type": "application/json",
    },
    tenants: new Map([[required("SENTINEL_DEFAULT_KEY"), "default"]]),
  };
}

/** Whether an `authorization` header carries a key of one of the tenants. */
export function isKnown(authorization: string | undefined, settings: BareSettings): boolean {
  if (authorization?.startsWith("Bearer ") !== true) return false;
  return settings.tenants.has(authorization.slice("Bearer ".length));
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set`);
  return value;
}
