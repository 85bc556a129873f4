import type { IncomingMessage } from "node:http";

import { Failure } from "../errors.ts";
import { dialectOf } from "./dialect.ts";

/**
 * The token of `Authorization: Bearer …`; the scheme in any case. Throws `invalid_api_key` where there is
 * none. A repeated header cannot smuggle a second one in: Node keeps the first.
 */
export function bearerToken(incoming: IncomingMessage): string {
  const token = bearerOf(incoming);
  if (token !== undefined) return token;
  throw new Failure(
    "invalid_api_key",
    "You did not provide an API key. Send it in the header 'Authorization: Bearer YOUR_KEY'.",
  );
}

/**
 * The key of whoever calls a model. Anthropic's clients send theirs as `x-api-key`, as `Authorization`, or
 * both, one of which may be meant for Anthropic: then the one that is ours counts, or else `Authorization`.
 */
export function callerToken(incoming: IncomingMessage): string {
  if (dialectOf(incoming) === "openai") return bearerToken(incoming);
  const bearer = bearerOf(incoming);
  const apiKey = incoming.headers["x-api-key"]; // Sent twice it is both in one, and no key.
  if (typeof apiKey !== "string" || apiKey === "") {
    if (bearer !== undefined) return bearer;
    const message = "You did not provide an API key. Send it in the header 'x-api-key: YOUR_KEY'.";
    throw new Failure("invalid_api_key", message);
  }
  if (bearer === undefined) return apiKey;
  return looksOurs(apiKey) && !looksOurs(bearer) ? apiKey : bearer;
}

/** The token of `Authorization: Bearer …`, if there is one. */
export function bearerOf({ headers: { authorization } }: IncomingMessage): string | undefined {
  if (authorization === undefined || !/^bearer /i.test(authorization)) return undefined;
  const token = authorization.slice("bearer ".length).trim();
  return token === "" ? undefined : token;
}

function looksOurs(token: string): boolean {
  return token.startsWith("sk-sentinel-");
}
