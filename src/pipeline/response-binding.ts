import { Failure } from "../errors.ts";
import type { Pin, Provider } from "../providers/provider.ts";
import { lastAttempt } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import type { IncomingCall } from "./incoming-call.ts";
import type { Ownership, ResponseOwners } from "./response-owners.ts";

export interface RoutingDeps {
  /**
   * Finds what serves a model, at one provider alone if there is a pin. Throws `model_not_found`, and
   * `invalid_value` for a provider that there is not or that does not serve the model.
   */
  readonly findRoute: (model: string, pin?: Pin) => RouteFound | Promise<RouteFound>;
  readonly responses: ResponseOwners;
}

export interface RouteFound {
  /** The alias, or the model's own name. */
  readonly name: string;
  readonly strategy: string;
  /** The answer of a client who left is read on, up to so many tokens; undefined: it is cancelled. */
  readonly drainTokensMax?: number | undefined;
  /** All that may serve it. */
  readonly targets: readonly RouteTarget[];
  readonly provider: Provider;
  /** Where a stored response has the call go; undefined where the call's own pin holds. */
  readonly pin?: Pin | undefined;
}

export interface RouteTarget {
  /** `provider/model`. */
  readonly name: string;
  readonly providerName: string;
  readonly model: string;
  /** Where the provider is: behind the same name somebody else may answer after a change. */
  readonly place?: string | undefined;
  /** Headers of clients that are sent on to it, lower case. */
  readonly forwardHeaders?: readonly string[];
}

/**
 * Where a call goes that goes on from a stored response. That lives with the provider, and in the account,
 * that made it, and belongs to the tenant it was made for.
 */
export async function boundRoute(
  call: IncomingCall,
  responseId: string,
  { findRoute, responses }: RoutingDeps,
): Promise<RouteFound> {
  const pin = pinTo(await responses.find(responseId, call.caller.tenantId), { call, responseId });
  try {
    return { ...(await findRoute(call.model, pin)), pin };
  } catch (thrown) {
    if (pin === call.pin || !isPinRefused(thrown)) throw thrown;
    // The operator took the provider away, or the model from it: whoever has the model now may know better.
    return findRoute(call.model, call.pin);
  }
}

/** The stored response that the call goes on from. */
export function namedResponse({ endpoint, request }: IncomingCall): string | undefined {
  if (endpoint !== "responses") return undefined;
  const id = request.value["previous_response_id"];
  return typeof id === "string" && id !== "" ? id : undefined;
}

/** Takes note of a response that a later call may go on from. */
export function rememberResponse(
  responseId: string,
  exchange: Exchange,
  responses: ResponseOwners,
): void {
  const attempt = lastAttempt(exchange);
  if (attempt === undefined) return;
  responses.remember(responseId, {
    tenantId: exchange.caller.tenantId,
    providerName: attempt.provider,
    model: attempt.model,
    keyId: attempt.keyId,
  });
}

/** Whether the provider keeps what it answers, so that it can be named later. OpenAI does unless told not to. */
export function isStored({ endpoint, request }: IncomingCall): boolean {
  return endpoint === "responses" && request.value["store"] !== false;
}

function pinTo(
  ownership: Ownership,
  { call, responseId }: { readonly call: IncomingCall; readonly responseId: string },
): Pin | undefined {
  switch (ownership.kind) {
    case "other":
      throw responseNotFound(responseId);
    case "unknown":
      return call.pin;
    case "own": {
      const { providerName, keyId } = ownership.owner;
      if (call.pin !== undefined && call.pin.providerName !== providerName) {
        throw pinnedElsewhere(call.pin, providerName);
      }
      return { providerName, keyId };
    }
  }
}

/**
 * In OpenAI's words, so that what is another tenant's looks like what is nowhere. The status is the contract's;
 * OpenAI says 400. (https://developers.openai.com/docs/guides/websocket-mode, read 2026-11-21)
 */
function responseNotFound(responseId: string): Failure {
  return new Failure("not_found", `Previous response with id '${responseId}' not found.`, {
    param: "previous_response_id",
    code: "previous_response_not_found",
  });
}

function pinnedElsewhere(pin: Pin, providerName: string): Failure {
  const message =
    `The response named by 'previous_response_id' was made by the provider '${providerName}', and ` +
    `'${pin.providerName}' does not have it. Leave out the header 'x-sentinel-provider'.`;
  return new Failure("invalid_value", message, { param: pinHeader });
}

const pinHeader = "x-sentinel-provider";

function isPinRefused(thrown: unknown): boolean {
  return (
    thrown instanceof Failure && thrown.kind === "invalid_value" && thrown.body.param === pinHeader
  );
}
