import type { UpstreamPools } from "./transport/pools.ts";

/** What every adapter of a vendor is made from. */
export interface AdapterOptions {
  /** The provider's name in the configuration; messages use it. */
  readonly name: string;
  /** With the version in its path and no slash at the end: `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  /** For questions of Sentinel's own, as the list of models; a request brings its key along. */
  readonly apiKeys: readonly string[];
  /** Headers that the operator adds to every request, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The client's headers that the operator lets through, besides those that the vendor has a use for. */
  readonly forwardHeaders: readonly string[];
  /** The trace of a request goes on there: nobody else runs the server. */
  readonly propagatesTrace?: boolean;
  readonly pools: UpstreamPools;
}

/** What stands before every path of the vendor's, without a slash at its end. */
export function basePathOf({ baseUrl }: Pick<AdapterOptions, "baseUrl">): string {
  return new URL(baseUrl).pathname.replace(/\/+$/, "");
}
