import type { IncomingMessage } from "node:http";

import { Failure } from "../errors.ts";

/**
 * The token of `Authorization: Bearer …`; the scheme in any case. Throws `invalid_api_key` where there is
 * none. A repeated header cannot smuggle a second one in: Node keeps the first.
 */
export function bearerToken(incoming: IncomingMessage): string {
  const { authorization } = incoming.headers;
  if (authorization !== undefined && /^bearer /i.test(authorization)) {
    const token = authorization.slice("bearer ".length).trim();
    if (token !== "") return token;
  }
  throw new Failure(
    "invalid_api_key",
    "You did not provide an API key. Send it in the header 'Authorization: Bearer YOUR_KEY'.",
  );
}
