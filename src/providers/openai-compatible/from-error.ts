import type { Failure } from "../../errors.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { readErrorBody } from "../../protocol/error-body.ts";
import type { UpstreamResponse } from "../transport/upstream-call.ts";
import { refusal, refusalWithin } from "../upstream-failure.ts";
import type { UpstreamIdentity } from "../upstream-failure.ts";

/** What the vendor's refusal means. */
export function failureFrom(
  response: UpstreamResponse,
  bytes: Buffer,
  upstream: UpstreamIdentity,
): Failure {
  return refusal(response, readErrorBody(parse(bytes), response.status), upstream);
}

/** Whether what came with a good status is an error all the same. `"error": null` is part of good answers. */
export function isError(body: JsonObject): boolean {
  const error = body["error"];
  return (error != null && error !== "") || body["object"] === "error";
}

/** An error that came in place of an answer. Its code is the status where it is a number. */
export function failureFromBody(body: unknown, upstream: UpstreamIdentity): Failure {
  const said = readErrorBody(body, 502);
  return refusalWithin(said, said === undefined ? undefined : Number(said.code), upstream);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined; // HTML from a proxy, or nothing: the status has to do.
  }
}
