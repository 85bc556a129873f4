import type { MiddlewareHandler } from "hono";

import { Failure } from "../../errors.ts";
import type { Caller } from "../../tenants/tenant.ts";
import { bearerToken, callerToken } from "../bearer.ts";
import type { AppEnv, Identity } from "../context.ts";

/** Who a key belongs to: at once if it was seen lately. Throws `invalid_api_key`, `store_unavailable`. */
export type Identify = (token: string) => Caller | Promise<Caller>;

/** Whether a token is the platform admin's. */
export type IsPlatformToken = (token: string) => boolean;

/**
 * The data plane's door: a tenant's key that may call models. It stands before the body is read, so that a
 * wrong key costs nothing but a look-up.
 */
export const authenticateCaller =
  (identify: Identify): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    const { incoming, outgoing } = c.env;
    const found = identify(callerToken(incoming));
    const caller = found instanceof Promise ? await found : found;
    if (outgoing.destroyed) {
      // It closes no more, and whoever waited to hear of that would wait for good.
      throw new Failure("client_closed_request", "The client left while its key was looked up.");
    }
    c.set("identity", { kind: "key", caller });
    if (caller.role === "viewer") {
      throw new Failure(
        "model_not_allowed",
        "This key may read usage and audit records, and not call models. Use a key with the role 'inference'.",
      );
    }
    askForBody(c.env);
    return next();
  };

/** The control plane's door: the platform admin token, or a key whose role each route looks at. */
export const authenticateAdmin =
  (identify: Identify, isPlatformToken: IsPlatformToken): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    const token = bearerToken(c.env.incoming);
    const identity: Identity = isPlatformToken(token)
      ? { kind: "platform" }
      : { kind: "key", caller: await identify(token) };
    c.set("identity", identity);
    askForBody(c.env);
    return next();
  };

/** Who sent `expect: 100-continue` has kept its body back until now (RFC 9110, 10.1.1). */
function askForBody({ incoming, outgoing }: AppEnv["Bindings"]): void {
  if (incoming.headers.expect !== undefined) outgoing.writeContinue();
}
