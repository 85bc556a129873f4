import { Failure } from "../errors.ts";
import type { ErrorBody, Recovery } from "../errors.ts";
import { endpoints } from "../protocol/endpoints.ts";
import { EventTooLarge } from "../protocol/sse.ts";
import { isOutOfMoney } from "./out-of-money.ts";
import type { ProviderCall } from "./provider.ts";
import { repliedHeaders } from "./transport/reply-headers.ts";
import type { UpstreamResponse } from "./transport/upstream-call.ts";
import { withoutSecrets } from "./transport/without-secrets.ts";

/** How messages name the upstream, and the secrets of the operator's that they must not show. */
export interface UpstreamIdentity {
  readonly name: string;
  readonly key: string | undefined;
  /** What the operator adds to every request, which may be a credential as well. */
  readonly headers: Readonly<Record<string, string>>;
}

function secretsOf({ key, headers }: UpstreamIdentity): readonly string[] {
  return [...(key === undefined ? [] : [key]), ...Object.values(headers)];
}

/**
 * What a vendor's refusal means, once its adapter has read what it `said` into OpenAI's fields. The vendor's
 * own 4xx goes to the client with its status and its words; anything else is a failure of the upstream.
 */
export function refusal(
  response: Pick<UpstreamResponse, "status" | "headers">,
  said: ErrorBody | undefined,
  upstream: UpstreamIdentity,
): Failure {
  const { status } = response;
  const body = said === undefined ? undefined : withoutSecrets(said, secretsOf(upstream));
  const headers = repliedHeaders(response.headers);
  const retryAfterMs = readRetryAfterMs(response.headers);
  const details = { headers, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  if (status >= 400 && status < 500) {
    const fallbackBody: ErrorBody = {
      message: `${upstream.name} refused the request with status ${status}.`,
      type: status === 429 ? "rate_limit_error" : "invalid_request_error",
      param: null,
      code: null,
    };
    const rejected = { status, body: body ?? fallbackBody };
    return new Failure("provider_rejected", rejected.body.message, {
      ...details,
      upstream: rejected,
      recovery: unlessAskedNotTo(recoveryOf(status), response, rejected.body),
    });
  }
  const reason = body === undefined ? "" : `: ${body.message}`;
  const message = `${upstream.name} answered with status ${status}${reason}`;
  return new Failure("upstream_error", message, {
    ...details,
    recovery: unlessAskedNotTo(status < 500 ? "fallback" : "retry", response, body),
    ...(body?.param == null ? {} : { param: body.param }),
  });
}

/** A provider that says that trying again is of no use is believed; another one may still be asked. */
function unlessAskedNotTo(
  recovery: Recovery,
  { headers }: Pick<UpstreamResponse, "headers">,
  body: ErrorBody | undefined,
): Recovery {
  const isUseless =
    headers["x-should-retry"] === "false" || (body !== undefined && isOutOfMoney(body));
  return isUseless && recovery === "retry" ? "fallback" : recovery;
}

/**
 * An error that came in place of an answer, in a body or a stream with a good status: its words are kept.
 * `status` is the one that the vendor would have answered with, as far as it says; undefined makes it 502.
 */
export function refusalWithin(
  said: ErrorBody | undefined,
  status: number | undefined,
  upstream: UpstreamIdentity,
): Failure {
  if (said === undefined) {
    return new Failure(
      "upstream_error",
      `${upstream.name} reported an error without saying which.`,
    );
  }
  const clean = withoutSecrets(said, secretsOf(upstream));
  if (status !== undefined && status >= 400 && status < 500) {
    const rejected = { status, body: clean };
    return new Failure("provider_rejected", clean.message, {
      upstream: rejected,
      recovery: recoveryOf(status),
    });
  }
  const failed = { status: 502, body: { ...clean, code: clean.code ?? "upstream_error" } };
  return new Failure("upstream_error", clean.message, { upstream: failed });
}

/** For an endpoint that the vendor does not have; another target may. */
export function lacksEndpoint({ endpoint, model }: ProviderCall): Failure {
  const message = `The provider of model '${model}' does not have /v1${endpoints[endpoint].path}.`;
  return new Failure("unsupported_endpoint", message, { param: "model" });
}

/** What it means that reading an event of a stream threw this. */
export function eventFailure(thrown: unknown, upstreamName: string): Failure {
  if (thrown instanceof Failure) return thrown;
  const what =
    thrown instanceof EventTooLarge ? "an event without end" : "an event that is not JSON";
  return new Failure("upstream_error", `${upstreamName} sent ${what}.`, { cause: thrown });
}

/** For a stream that ended without saying that it is whole. */
export function cutStream(upstreamName: string, hasEvents: boolean): Failure {
  const what = hasEvents ? "ended in the middle of its answer" : "sent an empty stream";
  return new Failure("upstream_error", `${upstreamName} ${what}.`);
}

/** 401, 402 and 403 are about the operator's credential: another target may have a better one. */
function recoveryOf(status: number): Recovery {
  if (status === 408 || status === 409 || status === 429) return "retry";
  return status === 401 || status === 402 || status === 403 ? "fallback" : "none";
}

/**
 * `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110, 10.2.3). Undefined if there is none
 * that can be read.
 */
export function readRetryAfterMs(headers: UpstreamResponse["headers"]): number | undefined {
  const inMs = Number.parseFloat(String(headers["retry-after-ms"]));
  if (Number.isFinite(inMs) && inMs >= 0) return inMs;
  const after = headers["retry-after"];
  if (typeof after !== "string") return undefined;
  const seconds = Number(after);
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1_000 : undefined;
  const dateMs = Date.parse(after);
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - Date.now());
}
