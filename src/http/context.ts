import type { HttpBindings } from "@hono/node-server";

import type { Failure } from "../errors.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { Caller } from "../tenants/tenant.ts";

/** Who signed in: a tenant's key, or the platform admin token, which alone sees every tenant. */
export type Identity =
  { readonly kind: "key"; readonly caller: Caller } | { readonly kind: "platform" };

/** The typed variables that a request carries from middleware to route. */
export interface AppEnv {
  Bindings: HttpBindings;
  Variables: {
    requestId: string;
    /** When the request came in, by `performance.now()`. */
    arrivedTickMs: number;
    identity: Identity;
    /** The data plane's own record of the request, once there is one. */
    exchange: Exchange | undefined;
    /** What the request was refused with, once it was. */
    failure: Failure | undefined;
  };
}
