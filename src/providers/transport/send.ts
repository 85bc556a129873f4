import type { Pool } from "undici";

import { Failure } from "../../errors.ts";
import { decodeBody } from "./decode-body.ts";
import type { UpstreamPools } from "./pools.ts";
import { UpstreamCall } from "./upstream-call.ts";
import type { UpstreamRequest, UpstreamResponse } from "./upstream-call.ts";

/**
 * Sends one request upstream; resolves with the head of the answer. A kept connection that had died without
 * anyone noticing is no failure of the upstream: the request goes again at once, on a fresh connection.
 */
export async function sendUpstream(
  pools: UpstreamPools,
  request: UpstreamRequest,
): Promise<UpstreamResponse> {
  const first = dispatch(pools.kept, request);
  let response: UpstreamResponse;
  try {
    response = await first.response;
  } catch (failure) {
    const error = first.call.unansweredError;
    if (error === undefined || !pools.isStale(error) || request.signal.aborted) throw failure;
    response = await dispatch(pools.fresh, request, { reset: true }).response;
  }
  const encoding = response.headers["content-encoding"];
  if (encoding === undefined || encoding === "identity") return response;
  return { ...response, body: decodeBody(response.body, String(encoding), request.upstreamName) };
}

function dispatch(
  pool: Pool,
  request: UpstreamRequest,
  options: { readonly reset?: true } = {},
): { call: UpstreamCall; response: Promise<UpstreamResponse> } {
  const { promise, resolve, reject } = Promise.withResolvers<UpstreamResponse>();
  const call = new UpstreamCall(request, { resolve, reject });
  const { method, path, headers, body } = request;
  try {
    pool.dispatch({ method, path, headers, body, ...options }, call);
  } catch (error) {
    // undici refuses at once what it cannot send: a header with a line break, a closed pool.
    reject(new Failure("upstream_error", "The request could not be sent.", { cause: error }));
    call.cancel();
  }
  return { call, response: promise };
}
