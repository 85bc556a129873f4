import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

import { Failure } from "../errors.ts";
import { hashToken, isSameHash, tokenLengthMax } from "../tenants/api-key.ts";
import { bearerOf } from "./bearer.ts";
import type { IsPlatformToken } from "./middleware/authenticate.ts";

export interface ScrapeAccess {
  readonly isPlatformToken: IsPlatformToken;
  /** Of `SENTINEL_METRICS_TOKEN`, where it is set. */
  readonly metricsTokenHash: string | undefined;
}

/**
 * Metrics name tenants and what they spend. They are for whoever has the scrape token or the platform admin's, and
 * without a token for this machine itself. Throws `invalid_api_key` for everyone else.
 */
export function checkMayScrape(incoming: IncomingMessage, access: ScrapeAccess): void {
  const token = bearerOf(incoming);
  if (token === undefined) {
    if (incoming.headers.authorization === undefined && isFromThisMachine(incoming)) return;
    throw new Failure("invalid_api_key", howToGetIn);
  }
  if (isMetricsToken(token, access.metricsTokenHash) || access.isPlatformToken(token)) return;
  throw new Failure(
    "invalid_api_key",
    "This token may not read metrics. Send the one of SENTINEL_METRICS_TOKEN, or the platform admin " +
      "token, in the header 'Authorization: Bearer TOKEN'.",
  );
}

const howToGetIn =
  "Metrics need a token, except from the machine that Sentinel runs on (over localhost or a loopback " +
  "address, and not through a proxy). Set SENTINEL_METRICS_TOKEN and send it in the header " +
  "'Authorization: Bearer TOKEN'.";

function isMetricsToken(token: string, stored: string | undefined): boolean {
  if (stored === undefined || token.length > tokenLengthMax) return false;
  return isSameHash({ presented: hashToken(token), stored });
}

/** A proxy on this machine comes from it too, but says for whom it asks. */
function isFromThisMachine({ socket, headers }: IncomingMessage): boolean {
  if (!isLoopback(socket.remoteAddress ?? "")) return false;
  if (Object.keys(headers).some((name) => forwardingHeader.test(name))) return false;
  // A page from elsewhere that a browser on this machine shows: with CORS open to all it could read the answer.
  if (headers.origin !== undefined) return false;
  return isLocalHost(headers.host);
}

const forwardingHeader =
  /^(forwarded|via|x-forwarded(-.*)?|x-original-.*|x-real-ip|x-client-ip|x-cluster-client-ip|x-envoy-external-address|true-client-ip|cf-connecting-ip|cdn-loop|fastly-client-ip)$/;

/**
 * A web page's own domain may be made to lead to this machine (DNS rebinding), and then its scripts can
 * read what this machine may; the browser still names that domain as the host.
 */
function isLocalHost(host: string | undefined): boolean {
  if (host === undefined) return true; // Browsers always send one.
  const name = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return /^(.+\.)?localhost\.?$/i.test(name) || isLoopback(name);
}

function isLoopback(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return loopback.check(address, "ipv4");
    case 6:
      return loopback.check(address, "ipv6"); // IPv4 inside IPv6 is looked at as IPv4.
    default:
      return false;
  }
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");
