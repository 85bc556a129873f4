/**
 * Every failure that Sentinel can answer with, in one table. Nothing else in the code decides a status, a
 * type or a code. The rows are those of the contract ("Errors").
 *
 * `recovery` says what may be tried before the client hears of it: `retry` the same target, `fallback` to
 * the next one, or `none`.
 */
const failureTable = {
  invalid_json: { status: 400, type: "invalid_request_error", recovery: "none" },
  invalid_value: { status: 400, type: "invalid_request_error", recovery: "none" },
  unsupported_endpoint: { status: 400, type: "invalid_request_error", recovery: "fallback" },
  invalid_api_key: { status: 401, type: "invalid_request_error", recovery: "none" },
  model_not_allowed: { status: 403, type: "permission_error", recovery: "none" },
  permission_denied: { status: 403, type: "permission_error", recovery: "none" },
  model_not_found: { status: 404, type: "invalid_request_error", recovery: "none" },
  not_found: { status: 404, type: "invalid_request_error", recovery: "none" },
  method_not_allowed: { status: 405, type: "invalid_request_error", recovery: "none" },
  request_timeout: { status: 408, type: "invalid_request_error", recovery: "none" },
  conflict: { status: 409, type: "invalid_request_error", recovery: "none" },
  body_too_large: { status: 413, type: "invalid_request_error", recovery: "none" },
  unsupported_media_type: { status: 415, type: "invalid_request_error", recovery: "none" },
  headers_too_large: { status: 431, type: "invalid_request_error", recovery: "none" },
  rate_limit_exceeded: { status: 429, type: "rate_limit_error", recovery: "none" },
  budget_exceeded: { status: 429, type: "insufficient_quota", recovery: "none" },
  client_closed_request: { status: 499, type: "invalid_request_error", recovery: "none" },
  internal_error: { status: 500, type: "api_error", recovery: "none" },
  /** The provider's own 4xx, passed on: `Failure.upstream` has its status and its words. */
  provider_rejected: { status: 400, type: "invalid_request_error", recovery: "none" },
  upstream_error: { status: 502, type: "api_error", recovery: "retry" },
  no_healthy_upstream: { status: 503, type: "api_error", recovery: "fallback" },
  store_unavailable: { status: 503, type: "api_error", recovery: "none" },
  overloaded: { status: 503, type: "api_error", recovery: "none" },
  shutting_down: { status: 503, type: "api_error", recovery: "none" },
  upstream_timeout: { status: 504, type: "api_error", recovery: "fallback" },
  /** `x-sentinel-cache: only-if-cached`, and nothing is stored. */
  cache_miss: { status: 504, type: "api_error", recovery: "none" },
} as const satisfies Record<string, FailureRow>;

interface FailureRow {
  readonly status: number;
  readonly type: string;
  readonly recovery: Recovery;
}

export type Recovery = "retry" | "fallback" | "none";
export type FailureKind = keyof typeof failureTable;

/** The `error` object of OpenAI's envelope. Fields beyond the four are the provider's own, kept. */
export interface ErrorBody {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
  readonly [extra: string]: unknown;
}

export interface FailureDetails {
  readonly cause?: unknown;
  /** The field of the request that is at fault, as `messages[0].content`. */
  readonly param?: string;
  /** A narrower code than the kind's own name. */
  readonly code?: string;
  readonly recovery?: Recovery;
  /** Milliseconds after which trying again makes sense: becomes `retry-after` and `retry-after-ms`. */
  readonly retryAfterMs?: number;
  /** More response headers, lower case: a provider's `retry-after`, `allow` on 405. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What the provider said, when its own status and words are passed on. */
  readonly upstream?: { readonly status: number; readonly body: ErrorBody };
}

/** What ends a request. Thrown once, turned into HTTP in one place (`http/failure-response.ts`). */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly kind: FailureKind;
  readonly status: number;
  readonly body: ErrorBody;
  readonly recovery: Recovery;
  readonly retryAfterMs: number | undefined;
  readonly headers: Readonly<Record<string, string>>;

  /** `message` goes to the client: it says what is wrong and what to do, and never holds a secret. */
  constructor(kind: FailureKind, message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    const row: FailureRow = failureTable[kind];
    this.kind = kind;
    this.status = details.upstream?.status ?? row.status;
    this.body = details.upstream?.body ?? {
      message,
      type: row.type,
      param: details.param ?? null,
      code: details.code ?? kind,
    };
    this.recovery = details.recovery ?? row.recovery;
    this.retryAfterMs = details.retryAfterMs;
    this.headers = details.headers ?? {};
  }
}

/** Whatever was thrown, as a `Failure`; what is not one is our own fault and says nothing about itself. */
export function toFailure(thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  return new Failure("internal_error", "Sentinel failed while answering. It is not your request.", {
    cause: thrown,
  });
}
